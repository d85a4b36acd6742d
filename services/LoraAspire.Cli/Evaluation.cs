using System.Text.Json;
using LoraAspire.Cli.AlpacaLora;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Cli;

/// <summary>What <c>lora evaluate</c> is to ask.</summary>
/// <param name="HeldOut">A file, relative to the data root.</param>
/// <param name="Identity">The name that the model is to say.</param>
/// <param name="Base">A model of the models root that is asked beside; null takes a run's own.</param>
internal sealed record Evaluation(IReadOnlyList<string> Questions, string? HeldOut, string? Identity, string? Base)
{
    private const string Id = "evaluate";

    public bool IsEmpty => Questions.Count == 0 && HeldOut is null && Identity is null;

    public string OfModel(string name, string model) => $"""
        # Written by `lora evaluate`.
        name: {FireArguments.ToYaml(name)}
        stages:
          - {Stage(Id, "model:" + model, null)}

        """;

    /// <summary>The run's own pipeline with this behind it: what it made comes from the cache.</summary>
    /// <exception cref="CliException">It gives no model, or its pipeline isn't kept or can't be read.</exception>
    public string OfRun(string name, RunState run)
    {
        var parsed = PipelineParser.Parse(run.Yaml, run.File);
        if (parsed.Pipeline is not { } pipeline)
        {
            throw new CliException(run.Yaml == "" ? $"Of run {run.Id} no pipeline is kept: evaluate its model by a stage of its file."
                : $"The pipeline of run {run.Id} can't be read: {parsed.Errors[0].Message}");
        }
        var (made, port) = pipeline.Stages.SelectMany(stage => stage.Kind.Outputs
                .Where(port => port.Artifact == ArtifactKind.Model && stage.With.Gives(port.Name)).Select(port => (stage, port.Name)))
            .LastOrDefault();
        if (made is null)
        {
            throw new CliException($"No stage of run {run.Id} gives a model: add a merger to its pipeline.");
        }
        var ids = pipeline.Stages.Select(stage => stage.Id).ToHashSet();
        var id = Enumerable.Range(1, ids.Count + 1).Select(number => number == 1 ? Id : $"{Id}-{number}").First(id => !ids.Contains(id));
        return AddedStage.To(run.Yaml, name, Stage(id, $"{made.Id}.{port}", made.Inputs.GetValueOrDefault("base")?.ToString()));
    }

    /// <summary>In YAML's flow form, of which JSON is one.</summary>
    private string Stage(string id, string model, string? ownBase)
    {
        Dictionary<string, object> inputs = new() { ["model"] = model };
        if (Base is not null || ownBase is not null)
        {
            inputs["base"] = Base is null ? ownBase! : "model:" + Base;
        }
        Dictionary<string, object> with = [];
        if (Questions.Count > 0)
        {
            with["questions"] = Questions;
        }
        if (HeldOut is not null)
        {
            with["held_out"] = HeldOut;
        }
        if (Identity is not null)
        {
            with["identity"] = new Dictionary<string, string> { ["name"] = Identity };
        }
        return JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["id"] = id,
            ["uses"] = "evaluator",
            ["inputs"] = inputs,
            ["with"] = with,
        }, s_readable);
    }

    private static readonly JsonSerializerOptions s_readable = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.Create(System.Text.Unicode.UnicodeRanges.All),
    };
}
