using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime;

namespace LoraAspire.Tests.Pipelines;

public sealed class ShippedPipelineTests
{
    [Fact]
    public void Every_pipeline_that_ships_is_valid()
    {
        var files = Directory.GetFiles(Path.Combine(LoraPaths.RepositoryRoot(AppContext.BaseDirectory)!, "pipelines"), "*.yaml");

        Assert.Contains(files, file => file.EndsWith("bayling-alpaca.yaml", StringComparison.Ordinal));
        Assert.All(files, file => Assert.Empty(PipelineParser.Parse(File.ReadAllText(file), file).Errors));
    }
}
