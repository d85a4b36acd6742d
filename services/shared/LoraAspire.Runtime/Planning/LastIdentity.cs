using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;
using Microsoft.Extensions.Logging;

namespace LoraAspire.Runtime.Planning;

/// <summary>
/// The identity that a stage of a pipeline had when it was last ordered, kept for <see cref="Difference"/> alone: when it can't be read or
/// written, only the explanation of the next run is lost.
/// </summary>
public static class LastIdentity
{
    private const int MostBytes = 1 << 24;

    /// <summary>Null when there is none, or none that can be read.</summary>
    public static JsonObject? Read(ArtifactStore store, string pipeline, string stage)
    {
        try
        {
            var file = new FileInfo(store.ExplainFile(pipeline, stage));
            return file is { Exists: true, Length: <= MostBytes } ? JsonNode.Parse(File.ReadAllText(file.FullName)) as JsonObject : null;
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Of a stage whose result is cached; another always runs, and nobody asks why.</summary>
    public static void Write(ArtifactStore store, StageOrder order, ILogger log)
    {
        if (StageKinds.Find(order.Kind) is not { Cached: true } kind)
        {
            return;
        }
        try
        {
            var with = (StageParams)order.With.Deserialize(kind.Params, StageKey.ParamsJson)!;
            var inputs = order.Inputs.ToDictionary(input => input.Key, input => input.Value.Digest);
            var path = store.ExplainFile(order.Pipeline, order.Stage);
            PrivateFolder.Create(Path.GetDirectoryName(path)!);
            // Renamed, so that nobody reads half of it; not synced, since nobody should wait for the disk over words.
            var temporary = $"{path}.{Guid.NewGuid():N}";
            File.WriteAllText(temporary, StageKey.Canonical(StageKey.Identity(kind, with, inputs, order.DataFiles)));
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            log.LogWarning("What stage {Stage} was made from can't be kept for the next explanation: {Error}", order.Stage, error.Message);
        }
    }
}
