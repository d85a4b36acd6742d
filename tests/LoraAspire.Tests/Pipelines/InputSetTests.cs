using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Tests.Pipelines;

/// <summary>A chat takes a model, or an adapter and its base.</summary>
public sealed class InputSetTests
{
    [Theory]
    [InlineData("model: model:tiny")]
    [InlineData("base: model:tiny, adapter: tune.adapter")]
    public void Each_of_the_sets_is_taken(string inputs) => Assert.Empty(Parse(inputs).Errors);

    [Theory]
    [InlineData("", "chat takes model, or base and adapter, and is given none: as in `inputs: { model: model:NAME }`")]
    [InlineData("base: model:tiny", "chat takes model, or base and adapter, and is given base: as in `inputs: { base: model:NAME, adapter: "
        + "STAGE.adapter }`")]
    [InlineData("model: model:tiny, adapter: tune.adapter", "chat takes model, or base and adapter, and is given model and adapter: as in")]
    public void Anything_else_is_refused_with_what_to_write(string inputs, string problem) =>
        Assert.Contains(problem, Assert.Single(Parse(inputs).Errors).Message, StringComparison.Ordinal);

    [Fact]
    public void How_weights_are_kept_is_written_as_their_formats_are_called() =>
        Assert.Equal(ServedWeights.Q8_0, ((ChatParams)Parse("model: model:tiny", "weights: q8_0").Pipeline!.Stage("it").With).Weights);

    private static ParsedPipeline Parse(string inputs, string with = "model_name: mine") => PipelineParser.Parse($$"""
        name: x
        stages:
          - { id: data, uses: data-build, inputs: { base: model:tiny }, with: { sources: [ { alpaca: { path: a.json } } ] } }
          - { id: tune, uses: trainer, inputs: { dataset: data.dataset, base: model:tiny } }
          - { id: it, uses: chat, inputs: { {{inputs}} }, with: { {{with}} } }
        """, "p.yaml");
}
