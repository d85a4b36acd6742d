using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Runtime.Hosting;

/// <summary>
/// A worker's <c>check</c>: takes a pipeline's text on its standard input, lets the stage look at what is there, and writes what it found
/// as one line of JSON.
/// </summary>
internal static class CheckOfStage
{
    /// <param name="file">The name under which errors speak of the text.</param>
    /// <returns>The exit code: 1 when the stage couldn't look, with the reason as words.</returns>
    public static async Task<int> RunAsync<TParams>(IStage<TParams> stage, StageKind kind, LoraPaths paths, StageLibraries libraries,
        string file, string id, long? records, CancellationToken cancellationToken) where TParams : StageParams
    {
        try
        {
            var parsed = PipelineParser.Parse(await Console.In.ReadToEndAsync(cancellationToken), file);
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
        catch (Exception error) when (error is not OperationCanceledException)
        {
            await Console.Error.WriteLineAsync(Failure.Of(error).Words);
            return 1;
        }
    }
}
