using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace LoraAspire.Pipelines.Messages;

/// <summary>
/// A record ↔ the flat fields of a stream entry. Everything that says whose entry it is stands in fields of its own;
/// only <c>body</c> is JSON, so that an entry whose body cannot be read can still be blamed on its stage.
/// </summary>
public static class Wire
{
    public const string Version = "1";

    private const int MaxAttempt = 1_000_000;

    private static readonly string[] FlatFields = ["type", "run", "stage", "attempt", "at"];

    /// <summary>camelCase names, kebab-case enums, unescaped Chinese, nulls left out.</summary>
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        AllowOutOfOrderMetadataProperties = true,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
    };

    /// <summary>The fields in the order <c>v type run stage attempt at traceparent body</c>; those the record lacks are left out.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Encode<T>(T message, string? traceParent = null) where T : class
    {
        var body = JsonSerializer.SerializeToNode(message, Json)!.AsObject();
        List<KeyValuePair<string, string>> fields = [new("v", Version)];
        foreach (var name in FlatFields)
        {
            if (body[name] is { } value)
            {
                fields.Add(new(name, value.ToString()));
                body.Remove(name);
            }
        }
        if (traceParent is not null)
        {
            fields.Add(new("traceparent", traceParent));
        }
        fields.Add(new("body", body.ToJsonString(Json)));
        return fields;
    }

    /// <exception cref="WireException">The entry is of another version, lacks a field or has one twice, or its body is not what its type says. Nothing else is thrown, whatever the entry holds.</exception>
    public static T Decode<T>(IEnumerable<KeyValuePair<string, string>> entry) where T : class
    {
        Dictionary<string, string> fields = [];
        foreach (var (name, value) in entry)
        {
            if (!fields.TryAdd(name, value))
            {
                throw new WireException($"the field '{name}' stands in the entry twice");
            }
        }
        if (!fields.TryGetValue("v", out var version) || version != Version)
        {
            throw new WireException($"entry of version '{version}', this build reads version {Version}");
        }
        try
        {
            var body = Body(fields.GetValueOrDefault("body", "{}"));
            foreach (var name in FlatFields.Where(fields.ContainsKey))
            {
                body[name] = name == "attempt" ? Attempt(fields[name]) : fields[name];
            }
            return body.Deserialize<T>(Json) ?? throw new JsonException("it is null");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException or NotSupportedException or ArgumentException or OverflowException)
        {
            throw new WireException($"undecodable '{fields.GetValueOrDefault("type", "?")}': {error.Message}", error);
        }
    }

    private static JsonObject Body(string json)
    {
        var body = JsonNode.Parse(json, documentOptions: new() { AllowDuplicateProperties = false }) as JsonObject ?? throw new JsonException("its body is no object");
        foreach (var (name, value) in body.Where(member => member.Key != "with"))
        {
            RequireValues(value, name);
        }
        return body;
    }

    /// <summary>
    /// What is null is left out when it is written; a null in a list or under a free key would come out where the type promises a value. A number too large for its type
    /// reads as infinite. Parameters ("with") have nulls of their own and are read by their own rules.
    /// </summary>
    private static void RequireValues(JsonNode? node, string place)
    {
        switch (node)
        {
            case null:
                throw new JsonException($"'{place}' is null");
            case JsonObject map:
                foreach (var (name, value) in map)
                {
                    RequireValues(value, $"{place}.{name}");
                }
                break;
            case JsonArray list:
                foreach (var (at, value) in list.Index())
                {
                    RequireValues(value, $"{place}[{at}]");
                }
                break;
            case JsonValue number when number.GetValueKind() == JsonValueKind.Number && !double.IsFinite(number.GetValue<double>()):
                throw new JsonException($"'{place}' is too large a number");
        }
    }

    private static int Attempt(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var attempt) && attempt is >= 1 and <= MaxAttempt
        ? attempt
        : throw new JsonException($"'{text}' is no attempt, which count from 1");
}

/// <summary>A stream entry that this build cannot read.</summary>
public sealed class WireException(string message, Exception? inner = null) : Exception(message, inner);
