using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Pipelines;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Coordinator;

/// <summary>Why a stage runs again: what changed in its identity since the last time.</summary>
public static class Difference
{
    public static string Between(JsonObject before, JsonObject now)
    {
        var (old, fresh) = (Leaves(before).ToDictionary(), Leaves(now).ToDictionary());
        var changes = old.Keys.Union(fresh.Keys).Where(path => old.GetValueOrDefault(path) != fresh.GetValueOrDefault(path)).Select(path => path switch
        {
            _ when path.StartsWith("inputs.", StringComparison.Ordinal) => $"input {path[7..]} changed",
            _ when path.StartsWith("data_files.", StringComparison.Ordinal) => $"{path[11..]} changed",
            _ when path.StartsWith("with.", StringComparison.Ordinal) => $"{path[5..]}: {old.GetValueOrDefault(path, "nothing")} → {fresh.GetValueOrDefault(path, "nothing")}",
            _ => $"{path}: {old.GetValueOrDefault(path)} → {fresh.GetValueOrDefault(path)}",
        }).ToList();
        return changes.Count == 0 ? "nothing changed, but no finished result is in the store" : string.Join(", ", changes.Take(5)) + (changes.Count > 5 ? $" and {changes.Count - 5} more" : "");
    }

    /// <summary>Two levels: the section, then the key; what lies deeper is compared as a whole.</summary>
    private static IEnumerable<KeyValuePair<string, string>> Leaves(JsonObject identity) =>
        identity.SelectMany(section => section.Value is JsonObject map
            ? map.Select(pair => KeyValuePair.Create($"{section.Key}.{pair.Key}", Short(StageKey.Canonical(pair.Value))))
            : [KeyValuePair.Create(section.Key, StageKey.Canonical(section.Value))]);

    private static string Short(string text) => text.Length <= 400 ? text : text[..400] + "…#" + text.GetHashCode(StringComparison.Ordinal);
}

/// <summary>The identity that a stage of a pipeline had when it last ran, kept for <see cref="Difference"/> alone: when it can't be read or kept, only the explanation is lost.</summary>
internal static class LastIdentity
{
    private const int MostBytes = 1 << 24;

    public static JsonObject? Swap(ArtifactStore store, string pipeline, string stage, JsonObject identity, ILogger log)
    {
        var path = store.ExplainFile(pipeline, stage);
        var last = Read(path);
        try
        {
            PrivateFolder.Create(Path.GetDirectoryName(path)!);
            Durable.Replace(path, Encoding.UTF8.GetBytes(StageKey.Canonical(identity)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            log.LogWarning("What stage {Stage} was made from can't be kept for the next explanation: {Error}", stage, error.Message);
        }
        return last;
    }

    private static JsonObject? Read(string path)
    {
        try
        {
            return new FileInfo(path) is { Exists: true, Length: <= MostBytes } ? JsonNode.Parse(File.ReadAllText(path)) as JsonObject : null;
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
