using System.Diagnostics;
using System.Text.Json;

namespace LoraAspire.EndToEndTests.Hosting;

public sealed class ManifestTests
{
    [Fact]
    public async Task Publishing_writes_a_manifest_of_every_resource_and_starts_none()
    {
        var folder = Directory.CreateTempSubdirectory("lora-manifest-").FullName;
        var file = Path.Combine(folder, "manifest.json");
        using var process = Process.Start(new ProcessStartInfo(Built.Program("LoraAspire.AppHost"),
            ["--operation", "publish", "--publisher", "manifest", "--output-path", file, "--state", Path.Combine(folder, "state")])
        { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var said = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken),
            process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(process.ExitCode == 0, string.Concat(said));
        using var manifest = JsonDocument.Parse(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
        var resources = manifest.RootElement.GetProperty("resources");
        Assert.All(LoraApp.Names, name => Assert.True(resources.TryGetProperty(name, out _), name));
        Assert.Equal("executable.v0", resources.GetProperty("redis").GetProperty("type").GetString());
        Assert.Equal("project.v0", resources.GetProperty("trainer").GetProperty("type").GetString());
        Assert.Equal("{redis.connectionString}",
            resources.GetProperty("trainer").GetProperty("env").GetProperty("ConnectionStrings__redis").GetString());
        Assert.False(Directory.Exists(Path.Combine(folder, "state", "redis")));
        Directory.Delete(folder, recursive: true);
    }
}
