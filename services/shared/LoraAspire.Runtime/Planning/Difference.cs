using System.Text.Json.Nodes;
using LoraAspire.Pipelines;

namespace LoraAspire.Runtime.Planning;

/// <summary>Why a stage runs again: what changed in its identity since the last time.</summary>
public static class Difference
{
    public static string Between(JsonObject before, JsonObject now)
    {
        var (old, fresh) = (Leaves(before).ToDictionary(), Leaves(now).ToDictionary());
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

    /// <summary>Two levels: the section, then the key; what lies deeper is compared as a whole.</summary>
    private static IEnumerable<KeyValuePair<string, string>> Leaves(JsonObject identity) =>
        identity.SelectMany(section => section.Value is JsonObject map
            ? map.Select(pair => KeyValuePair.Create($"{section.Key}.{pair.Key}", Short(StageKey.Canonical(pair.Value))))
            : [KeyValuePair.Create(section.Key, StageKey.Canonical(section.Value))]);

    private static string Change(string key, string before, string now) =>
        before == now ? $"{key} changed" : $"{key}: {before} → {now}";

    /// <summary>A text without its quotes; what is written over several lines in a pipeline is told by its size.</summary>
    private static string Words(string? json) => json is null ? "nothing"
        : json.Contains('…') ? "another"
        : JsonNode.Parse(json) switch
        {
            JsonValue value when value.TryGetValue<string>(out var text) => text.Length > 0 ? text : "\"\"",
            JsonArray { Count: 0 } or JsonObject { Count: 0 } => "none",
            JsonArray list when list.All(item => item is JsonValue) => string.Join(", ", list.Select(item => item!.ToString())),
            JsonArray list => $"{list.Count} {(list.Count == 1 ? "entry" : "entries")}",
            JsonObject map => string.Join(", ", map.Select(pair => pair.Key)),
            null => "nothing",
            var other => other.ToJsonString(),
        };

    private static string Short(string text) => text.Length <= 400 ? text : text[..400] + "…#" + text.GetHashCode(StringComparison.Ordinal);
}
