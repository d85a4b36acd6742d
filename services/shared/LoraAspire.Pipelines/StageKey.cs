using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Pipelines;

/// <summary>All that a stage's result depends on, and its digest: equal keys have equal results.</summary>
public static class StageKey
{
    /// <summary>The JSON form of parameters: snake_case, defaults written out.</summary>
    public static JsonSerializerOptions ParamsJson { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DictionaryKeyPolicy = null,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
    };

    /// <param name="inputs">Input name → digest.</param>
    /// <param name="dataFiles">Path as written → digest of its content.</param>
    public static JsonObject Identity(
        StageKind kind, StageParams with, IReadOnlyDictionary<string, string> inputs, IReadOnlyDictionary<string, string> dataFiles) =>
            new()
            {
                ["kind"] = kind.Name,
                ["version"] = kind.Version,
                ["with"] = Parameters(with),
                ["inputs"] = JsonSerializer.SerializeToNode(inputs, ParamsJson),
                ["data_files"] = JsonSerializer.SerializeToNode(dataFiles, ParamsJson),
            };

    /// <summary>The parameters that a result depends on, defaults included.</summary>
    public static JsonNode Parameters(StageParams with)
    {
        var node = JsonSerializer.SerializeToNode(with, with.GetType(), ParamsJson)!;
        foreach (var parts in with.PolicyKeys().Select(key => key.Split('.')))
        {
            (parts[..^1].Aggregate((JsonNode?)node, (parent, part) => parent?[part]) as JsonObject)?.Remove(parts[^1]);
        }
        return node;
    }

    public static string Of(JsonObject identity) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Canonical(identity))));

    /// <summary>No white space, keys in ordinal order.</summary>
    public static string Canonical(JsonNode? node) => node switch
    {
        JsonObject map => "{" + string.Join(',', map.OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $"{JsonSerializer.Serialize(pair.Key, ParamsJson)}:{Canonical(pair.Value)}")) + "}",
        JsonArray list => "[" + string.Join(',', list.Select(Canonical)) + "]",
        null => "null",
        _ => node.ToJsonString(ParamsJson),
    };
}
