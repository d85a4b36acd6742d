using System.Text.Json;
using LoraAspire.Cli.AlpacaLora;
using LoraAspire.Cli.RunCommands;
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
    /// <param name="holds">Whether the store holds the artifact of this digest.</param>
    /// <exception cref="CliException">
    /// It has given no model, its pipeline isn't kept or can't be read, or something of it would have to be trained again.
    /// </exception>
    public string OfRun(string name, RunState run, Func<string, bool> holds)
    {
        var parsed = PipelineParser.Parse(run.Yaml, run.File);
        if (parsed.Pipeline is not { } pipeline)
        {
            throw new CliException(run.Yaml == "" ? $"Of run {run.Id} no pipeline is kept: evaluate its model by a stage of its file."
                : $"The pipeline of run {run.Id} can't be read: {parsed.Errors[0].Message}");
        }
        if (!pipeline.Stages.Any(stage => stage.Kind.Outputs.Any(port => port.Artifact == ArtifactKind.Model
            && stage.With.Gives(port.Name))))
        {
            throw new CliException($"No stage of run {run.Id} gives a model: add a merger to its pipeline.");
        }
        var given = run.Stages.LastOrDefault(stage => stage.Output(ArtifactKind.Model) is not null);
        if (given is null || pipeline.Stages.FirstOrDefault(stage => stage.Id == given.Id) is not { } made)
        {
            throw new CliException(run.IsOver
                ? $"Run {run.Id} ({RunText.Of(run.Status)}) has given no model: `lora retry {run.Id}` runs it again."
                : $"Run {run.Id} has given no model yet: `lora logs -f {run.Id}` shows when it is over.");
        }
        var port = made.Kind.Outputs.First(port => port.Artifact == ArtifactKind.Model && given.Outputs.ContainsKey(port.Name)).Name;
        if (Needed(run, given).FirstOrDefault(stage => stage.Status != StageStatus.Succeeded || !stage.Outputs.Values.All(holds))
            is { } undone)
        {
            throw new CliException($"What stage '{undone.Id}' of run {run.Id} makes is not in the store, so that it would be made again: "
                + (run.IsOver ? $"`lora retry {run.Id}` does that; evaluate that run then."
                    : $"`lora logs -f {run.Id}` shows when the run is over."));
        }
        var ids = pipeline.Stages.Select(stage => stage.Id).ToHashSet();
        var id = Enumerable.Range(1, ids.Count + 1).Select(number => number == 1 ? Id : $"{Id}-{number}").First(id => !ids.Contains(id));
        return AddedStage.To(run.Yaml, name, Stage(id, $"{made.Id}.{port}", made.Inputs.GetValueOrDefault("base")?.ToString()));
    }

    /// <summary>Every stage that trains, and those from which this one comes: an evaluation mustn't set off hours of work.</summary>
    private static IEnumerable<StageState> Needed(RunState run, StageState given)
    {
        Queue<string> left = new(run.Stages.Where(stage => stage.Description?.Trains == true).Append(given).Select(stage => stage.Id));
        HashSet<string> needed = [];
        while (left.TryDequeue(out var id))
        {
            foreach (var source in needed.Add(id) ? run.Stage(id)?.Needs ?? [] : [])
            {
                left.Enqueue(source);
            }
        }
        return run.Stages.Where(stage => needed.Contains(stage.Id));
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

    private static readonly JsonSerializerOptions s_readable = new() { Encoder = JsonScreen.Encoder };
}
