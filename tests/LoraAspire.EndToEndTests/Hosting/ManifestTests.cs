using LoraAspire.EndToEndTests.Deploy;

namespace LoraAspire.EndToEndTests.Hosting;

public sealed class ManifestTests(PublishedManifest manifest)
{
    [Fact]
    public async Task Publishing_writes_a_manifest_of_every_resource_and_starts_none()
    {
        var resources = await manifest.ResourcesAsync();

        Assert.All(LoraApp.Names, name => Assert.True(resources.TryGetProperty(name, out _), name));
        Assert.Equal("executable.v0", resources.GetProperty("redis").GetProperty("type").GetString());
        Assert.Equal("project.v0", resources.GetProperty("trainer").GetProperty("type").GetString());
        Assert.Equal("{redis.connectionString}",
            resources.GetProperty("trainer").GetProperty("env").GetProperty("ConnectionStrings__redis").GetString());
        Assert.False(Directory.Exists(Path.Combine(manifest.State, "redis")));
    }
}
