using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace LoraAspire.Pipelines.Messages;

/// <summary>
/// A record ↔ the flat fields of a stream entry. Everything that says whose entry it is stands in fields of its own;
/// only <c>body</c> is JSON, so that an entry whose body cannot be read still tells whose it is.
/// </summary>
public static class MessageFormat
{
    public const string Version = "1";

    private const int RoomForFields = 256;

    private static readonly string[] FlatFields = ["type", "run", "stage", "attempt", "at"];
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly ConcurrentDictionary<Type, string> Types = new();
    private static readonly JsonDocumentOptions Body = new() { AllowDuplicateProperties = false };

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

    /// <summary>The word in the field <c>type</c> of a message or event.</summary>
    public static string TypeOf(object message) => Types.GetOrAdd(message.GetType(), type =>
    {
        for (var root = type; root is not null; root = root.BaseType)
        {
            if (root.GetCustomAttributes<JsonDerivedTypeAttribute>(inherit: false)
                .FirstOrDefault(known => known.DerivedType == type)?.TypeDiscriminator is string word)
            {
                return word;
            }
        }
        return type.Name;
    });

    /// <exception cref="MessageFormatException">
    /// The entry is of another version, lacks a field or has it twice, names what is no name, or its body is not what its type says.
    /// Nothing else is ever thrown.
    /// </exception>
    public static T Decode<T>(IEnumerable<KeyValuePair<string, string>> entry) where T : class
    {
        var fields = new Dictionary<string, string>();
        try
        {
            foreach (var (name, value) in entry)
            {
                MessageFormatException.Require(fields.TryAdd(name, value), $"the field '{name}' stands there twice");
            }
            MessageFormatException.Require(fields.TryGetValue("v", out var version) && version == Version,
                $"entry of version '{version}', this build reads version {Version}");
            var text = StrictUtf8.GetBytes(fields.GetValueOrDefault("body", "{}"));
            using var body = JsonDocument.Parse(text, Body);
            MessageFormatException.Require(body.RootElement.ValueKind == JsonValueKind.Object, "the body is no JSON object");
            foreach (var name in FlatFields)
            {
                MessageFormatException.Require(!body.RootElement.TryGetProperty(name, out _),
                    $"'{name}' stands in the body, where it doesn't belong");
            }
            var message = JsonSerializer.Deserialize<T>(Joined(fields, text, body.RootElement), Json)
                ?? throw new MessageFormatException("the body is null");
            return MessageCheck.Require(message, body.RootElement);
        }
        catch (Exception error)
        {
            throw new MessageFormatException($"undecodable '{fields.GetValueOrDefault("type", "?")}': {error.Message}", error);
        }
    }

    /// <summary>
    /// The flat fields and the body as one object: the type first, by which a reader knows what it reads; the rest last, so that nothing in
    /// the body, whatever its case, is taken instead.
    /// </summary>
    private static ReadOnlySpan<byte> Joined(Dictionary<string, string> fields, ReadOnlySpan<byte> text, JsonElement body)
    {
        ArrayBufferWriter<byte> joined = new(text.Length + RoomForFields);
        using Utf8JsonWriter writer = new(joined);
        writer.WriteStartObject();
        Write("type");
        foreach (var property in body.EnumerateObject())
        {
            property.WriteTo(writer);
        }
        foreach (var name in FlatFields.AsSpan(1))
        {
            Write(name);
        }
        writer.WriteEndObject();
        writer.Flush();
        return joined.WrittenSpan;

        void Write(string name)
        {
            if (!fields.TryGetValue(name, out var value))
            {
                return;
            }
            if (name == "attempt")
            {
                writer.WriteNumber(name, int.Parse(value, NumberStyles.None, CultureInfo.InvariantCulture));
            }
            else
            {
                writer.WriteString(name, value);
            }
        }
    }
}

/// <summary>A stream entry that this build cannot read. The message is one line, and holds nothing that a terminal would obey.</summary>
public sealed class MessageFormatException(string message, Exception? inner = null) : Exception(Plain(message), inner)
{
    private const int MostShown = 300;

    /// <exception cref="MessageFormatException">It doesn't hold.</exception>
    public static void Require(bool holds, string problem)
    {
        if (!holds)
        {
            throw new MessageFormatException(problem);
        }
    }

    private static string Plain(string message) =>
        new([.. message.Take(MostShown).Select(letter => char.IsControl(letter) || char.IsSurrogate(letter) ? ' ' : letter)]);
}
