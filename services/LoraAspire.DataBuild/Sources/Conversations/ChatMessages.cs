using System.Text.Json;
using LoraAspire.Model.Prompts;

namespace LoraAspire.DataBuild.Sources.Conversations;

/// <summary>
/// The turns as chat templates are given them, in OpenAI's names: what ShareGPT calls function_call is a turn of the assistant with
/// tool_calls, an observation one of the tool. Arguments are an object, as the published templates expect, also where the file has them as
/// its JSON. All that a turn brings beside is kept; what is null isn't there.
/// </summary>
internal static class ChatMessages
{
    private static readonly string[] Ours =
        ["role", "from", "content", "value", "weight", "tool_calls", "function_call", .. SpokenTurn.Thoughts];

    /// <summary>A row's own depth, and what is put around a call.</summary>
    private static readonly JsonDocumentOptions Nested = new() { MaxDepth = 192 };

    public static IEnumerable<ChatMessage> Of(string? system, IEnumerable<SpokenTurn> turns) =>
        (string.IsNullOrEmpty(system) ? [] : new[] { new ChatMessage("system", system) }).Concat(turns.Select(Of));

    private static ChatMessage Of(SpokenTurn turn)
    {
        using MemoryStream text = new();
        using (Utf8JsonWriter writer = new(text))
        {
            writer.WriteStartObject();
            writer.WriteString("role", turn.Speaker.ToString().ToLowerInvariant());
            if (turn.IsCall && Parsed(turn.Text) is { } call)
            {
                writer.WriteString("content", "");
                Calls(writer, call.ValueKind == JsonValueKind.Array ? [.. call.EnumerateArray()] : [call]);
            }
            else
            {
                writer.WriteString("content", turn.Text);
                Rest(writer, turn);
            }
            writer.WriteEndObject();
        }
        using var message = JsonDocument.Parse(text.ToArray(), Nested);
        return ChatMessage.FromJson(message.RootElement);
    }

    private static void Rest(Utf8JsonWriter writer, SpokenTurn turn)
    {
        if (turn.Reasoning is { } reasoning)
        {
            writer.WriteString("reasoning_content", reasoning);
        }
        if (SpokenTurn.Calls(turn.Message) is { Count: > 0 } calls)
        {
            Calls(writer, calls);
        }
        foreach (var field in turn.Message.EnumerateObject().Where(field => !Ours.Contains(field.Name)
            && field.Value.ValueKind != JsonValueKind.Null).DistinctBy(field => field.Name))
        {
            field.WriteTo(writer);
        }
    }

    private static void Calls(Utf8JsonWriter writer, IEnumerable<JsonElement> calls)
    {
        writer.WriteStartArray("tool_calls");
        foreach (var call in calls)
        {
            var isWrapped = call.ValueKind == JsonValueKind.Object && call.TryGetProperty("function", out var function)
                && function.ValueKind == JsonValueKind.Object;
            writer.WriteStartObject();
            foreach (var field in isWrapped ? call.EnumerateObject().Where(field => field.Name is not ("function" or "type")).ToList() : [])
            {
                field.WriteTo(writer);
            }
            writer.WriteString("type", "function");
            writer.WritePropertyName("function");
            Function(writer, isWrapped ? call.GetProperty("function") : call);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void Function(Utf8JsonWriter writer, JsonElement function)
    {
        if (function.ValueKind != JsonValueKind.Object)
        {
            function.WriteTo(writer);
            return;
        }
        writer.WriteStartObject();
        foreach (var field in function.EnumerateObject())
        {
            if (field.Name == "arguments" && field.Value.ValueKind == JsonValueKind.String
                && Parsed(field.Value.GetString()!) is { ValueKind: JsonValueKind.Object } arguments)
            {
                writer.WritePropertyName(field.Name);
                arguments.WriteTo(writer);
            }
            else
            {
                field.WriteTo(writer);
            }
        }
        writer.WriteEndObject();
    }

    /// <summary>An object or list that stands in a text as JSON; null for other texts.</summary>
    internal static JsonElement? Parsed(string text)
    {
        try
        {
            return JsonElement.Parse(text) is { ValueKind: JsonValueKind.Object or JsonValueKind.Array } value ? value : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
