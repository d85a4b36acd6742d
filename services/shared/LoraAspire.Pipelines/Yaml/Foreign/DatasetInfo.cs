using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraAspire.Pipelines.Yaml.Foreign;

/// <summary>LLaMA-Factory's dataset_info.json: which file, form and columns a name of <c>dataset</c> stands for.</summary>
public sealed class DatasetInfo
{
    private readonly JsonObject _entries;

    private DatasetInfo(JsonObject entries) => _entries = entries;

    /// <exception cref="JsonException">Not an object of entries.</exception>
    public static DatasetInfo Parse(string json) =>
        JsonNode.Parse(json, null, new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true }) is JsonObject entries
            ? new(entries)
            : throw new JsonException("dataset_info.json holds an object: a name and what it stands for");

    /// <summary>Null where nothing is said of the name.</summary>
    internal (string? File, bool IsChat, IReadOnlyDictionary<string, string> Columns)? Find(string name) =>
        _entries[name] is JsonObject entry
            ? (Text(entry["file_name"]), Text(entry["formatting"]) == "sharegpt", Columns(entry["columns"] as JsonObject))
            : null;

    private static Dictionary<string, string> Columns(JsonObject? columns)
    {
        Dictionary<string, string> named = [];
        foreach (var (theirs, ours) in new[] { ("prompt", "instruction"), ("query", "input"), ("response", "output") })
        {
            if (Text(columns?[theirs]) is { } column && column != ours)
            {
                named[ours] = column;
            }
        }
        return named;
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}
