using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Runtime.Hosting;

/// <summary>
/// A worker's <c>check</c>: reads the pipeline, lets the stage look at what is there, and writes what it found as one line of JSON.
/// </summary>
internal static class CheckOfStage
{
    public static async Task<int> RunAsync<TParams>(IStage<TParams> stage, StageKind kind, LoraPaths paths, StageLibraries libraries,
        string file, string id, long? records, CancellationToken cancellationToken) where TParams : StageParams
    {
        var parsed = PipelineParser.Parse(await PipelineFile.ReadAsync(file, cancellationToken), file);
        var spec = parsed.Required().Stages.FirstOrDefault(spec => spec.Id == id && spec.Kind == kind)
            ?? throw new StageException($"{file} has no {kind.Name} stage '{id}'.");
        ContentDigests models = new(paths);
        var inputs = spec.Inputs.Where(input => input.Value is NamedModel)
            .ToDictionary(input => input.Key, input => models.ModelFolder(((NamedModel)input.Value).Name));
        libraries.Load();
        StageCheck<TParams> given = new((TParams)spec.With, inputs, new DataRoot(paths.Data)) { Records = records };
        IReadOnlyList<Finding> findings = [.. stage.Check(given)];
        StageOutlook outlook = new(findings, findings.Count > 0 ? null : stage.Records(given));
        Console.WriteLine(JsonSerializer.Serialize(outlook, MessageFormat.Json));
        return 0;
    }
}
