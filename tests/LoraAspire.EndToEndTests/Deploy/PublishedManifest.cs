using System.Diagnostics;
using System.Text.Json;
using LoraAspire.EndToEndTests.Deploy;

[assembly: AssemblyFixture(typeof(PublishedManifest))]

namespace LoraAspire.EndToEndTests.Deploy;

/// <summary>What the AppHost says it consists of, as Aspire's manifest; published when the first test asks.</summary>
public sealed class PublishedManifest : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-manifest-").FullName;
    private readonly Lazy<Task<JsonElement>> _resources;

    public PublishedManifest() => _resources = new(PublishAsync);

    public string State => Path.Combine(_folder, "state");

    /// <summary>By name, with type and environment.</summary>
    public Task<JsonElement> ResourcesAsync() => _resources.Value;

    /// <summary>The services of our own, with the variables that the app sets for each.</summary>
    public async Task<IReadOnlyDictionary<string, IReadOnlyList<string>>> ServicesAsync() => (await ResourcesAsync()).EnumerateObject()
        .Where(resource => resource.Value.GetProperty("type").GetString() == "project.v0")
        .ToDictionary(resource => resource.Name, resource => (IReadOnlyList<string>)
            [.. resource.Value.GetProperty("env").EnumerateObject().Select(variable => variable.Name)]);

    private async Task<JsonElement> PublishAsync()
    {
        var file = Path.Combine(_folder, "manifest.json");
        using var process = Process.Start(new ProcessStartInfo(Built.Program("LoraAspire.AppHost"),
            ["--operation", "publish", "--publisher", "manifest", "--output-path", file, "--state", State])
        { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var said = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, string.Concat(said));
        using var manifest = JsonDocument.Parse(await File.ReadAllTextAsync(file));
        return manifest.RootElement.GetProperty("resources").Clone();
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
