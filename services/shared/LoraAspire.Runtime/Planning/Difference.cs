using System.Text.Json.Nodes;
using LoraAspire.Pipelines;

namespace LoraAspire.Runtime.Planning;

/// <summary>Why a stage runs again: what changed in its identity since the last time.</summary>
public static class Difference
{
    public static string Between(JsonObject before, JsonObject now)
    {
        var (old, fresh) = (Places(before), Places(now));
        var changes = old.Keys.Union(fresh.Keys).Where(path => old.GetValueOrDefault(path) != fresh.GetValueOrDefault(path))
            .Select(path => path switch
        {
            _ when path.StartsWith("inputs.", StringComparison.Ordinal) => $"input {path[7..]} changed",
            _ when path.StartsWith("data_files.", StringComparison.Ordinal) => $"{path[11..]} changed",
            _ when path.StartsWith("with.", StringComparison.Ordinal) =>
                Change(path[5..], Words(old.GetValueOrDefault(path)), Words(fresh.GetValueOrDefault(path))),
            _ => $"{path}: {old.GetValueOrDefault(path)} → {fresh.GetValueOrDefault(path)}",
        }).ToList();
        return changes.Count == 0 ? "nothing changed, but no finished result is in the store"
            : string.Join(", ", changes.Take(5)) + (changes.Count > 5 ? $" and {changes.Count - 5} more" : "");
    }

    /// <summary>A key that holds a dot may give two places one name: the first is meant.</summary>
    private static Dictionary<string, string> Places(JsonObject identity) =>
        Leaves(identity).DistinctBy(leaf => leaf.Key).ToDictionary();

    /// <summary>
    /// What stands at each place, by the words of a pipeline: <c>with.sources[1].self_cognition.name</c>. A list of plain values is one.
    /// </summary>
    private static IEnumerable<KeyValuePair<string, string>> Leaves(JsonNode? node, string path = "") => node switch
    {
        JsonObject { Count: > 0 } map => map.SelectMany(pair => Leaves(pair.Value, path.Length == 0 ? pair.Key : $"{path}.{pair.Key}")),
        JsonArray list when list.Any(item => item is JsonObject) => list.SelectMany((item, i) => Leaves(item, $"{path}[{i + 1}]")),
        _ => [KeyValuePair.Create(path, Short(StageKey.Canonical(node)))],
    };

    private static string Change(string key, string before, string now) =>
        before == now ? $"{key} changed" : $"{key}: {before} → {now}";

    /// <summary>A text without its quotes.</summary>
    private static string Words(string? json) => json is null ? "nothing"
        : json.Contains('…') ? "another"
        : JsonNode.Parse(json) switch
        {
            JsonValue value when value.TryGetValue<string>(out var text) => text.Length > 0 ? text : "\"\"",
            JsonArray { Count: 0 } or JsonObject { Count: 0 } => "none",
            JsonArray list when list.All(item => item is JsonValue) => string.Join(", ", list.Select(item => item!.ToString())),
            null => "nothing",
            var other => other.ToJsonString(),
        };

    private static string Short(string text) => text.Length <= 400 ? text : text[..400] + "…#" + text.GetHashCode(StringComparison.Ordinal);
}
