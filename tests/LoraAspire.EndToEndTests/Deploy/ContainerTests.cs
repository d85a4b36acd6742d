using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using LoraAspire.Runtime;

namespace LoraAspire.EndToEndTests.Deploy;

public sealed class ContainerTests
{
    private static readonly Uri s_registry = new("https://mcr.microsoft.com/v2/");

    [Fact]
    public async Task The_image_of_a_service_is_made_by_the_SDK_without_a_container_engine()
    {
        Assert.SkipUnless(await AnswersAsync(), $"The base image can't be had: {s_registry.Host} doesn't answer.");
        var folder = Directory.CreateTempSubdirectory("lora-image-").FullName;
        var archive = Path.Combine(folder, "coordinator.tar.gz");
        using var publish = Process.Start(new ProcessStartInfo("dotnet", ["publish",
            Path.Combine(LoraPaths.Checkout()!, "services", "LoraAspire.Coordinator"), "-t:PublishContainer", "-v:quiet", "--nologo",
            $"-p:ContainerArchiveOutputPath={archive}"])
        { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var said = await Task.WhenAll(publish.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken),
            publish.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await publish.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(publish.ExitCode == 0, string.Concat(said));
        Assert.Contains("lora-aspire/coordinator:latest", TagsOf(archive));
        Directory.Delete(folder, recursive: true);
    }

    private static async Task<bool> AnswersAsync()
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        try
        {
            using var response = await client.GetAsync(s_registry, TestContext.Current.CancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (Exception error) when (error is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }

    /// <summary>Of an archive as <c>docker save</c> writes it.</summary>
    private static IEnumerable<string?> TagsOf(string archive)
    {
        using var tar = new TarReader(new GZipStream(File.OpenRead(archive), CompressionMode.Decompress));
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry.Name == "manifest.json")
            {
                using var manifest = JsonDocument.Parse(entry.DataStream!);
                return [.. manifest.RootElement[0].GetProperty("RepoTags").EnumerateArray().Select(tag => tag.GetString())];
            }
        }
        return [];
    }
}
