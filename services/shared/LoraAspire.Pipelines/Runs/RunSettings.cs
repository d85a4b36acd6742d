using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Pipelines.Runs;

/// <summary>One thing of several runs side by side.</summary>
/// <param name="Values">One for each run; null where a run has none.</param>
public sealed record ComparedValues(string Key, IReadOnlyList<string?> Values)
{
    [JsonIgnore]
    public bool Differ => Values.Distinct().Skip(1).Any();

    /// <param name="columns">What each run has, by key.</param>
    public static IReadOnlyList<ComparedValues> Of(IReadOnlyList<IReadOnlyDictionary<string, string>> columns) =>
    [
        .. columns.SelectMany(column => column.Keys).Distinct()
            .Select(key => new ComparedValues(key, [.. columns.Select(column => column.GetValueOrDefault(key))])),
    ];
}

/// <summary>What a run was asked for.</summary>
public static class RunSettings
{
    /// <summary>STAGE: KEY → value, of every setting and input; of a pipeline that this build can't read only why.</summary>
    public static IReadOnlyDictionary<string, string> Of(RunState run)
    {
        var parsed = PipelineParser.Parse(run.Yaml, run.File);
        if (parsed.Pipeline is null)
        {
            return new Dictionary<string, string> { ["pipeline"] = parsed.Errors.Count > 0 ? parsed.Errors[0].Message : "not kept" };
        }
        Dictionary<string, string> flat = new() { ["pipeline"] = parsed.Pipeline.Name };
        foreach (var stage in parsed.Pipeline.Stages)
        {
            flat[$"{stage.Id}: uses"] = stage.Kind.Name;
            foreach (var (input, source) in stage.Inputs)
            {
                flat[$"{stage.Id}: {input}"] = $"{source}";
            }
            foreach (var (key, value) in (JsonObject)StageKey.Parameters(stage.With))
            {
                flat[$"{stage.Id}: {key}"] = value is JsonValue plain ? plain.ToString() : StageKey.Canonical(value);
            }
        }
        return flat;
    }
}
