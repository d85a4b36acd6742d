using System.Text.Json;

namespace LoraAspire.DataBuild.Sources.Conversations;

internal enum Speaker { System, User, Assistant, Tool }

/// <summary>One turn of a conversation, whichever names the file has for it.</summary>
/// <param name="Name">Who speaks, as the file says it.</param>
/// <param name="Text">What is said; empty where tools are called without a word.</param>
/// <param name="Message">The turn in the file; alive while its row is.</param>
internal sealed record SpokenTurn(Speaker Speaker, string Name, string Text, JsonElement Message)
{
    private static readonly Dictionary<string, Speaker> Speakers = new(StringComparer.OrdinalIgnoreCase)
    {
        ["human"] = Speaker.User,
        ["user"] = Speaker.User,
        ["prompter"] = Speaker.User,
        ["gpt"] = Speaker.Assistant,
        ["chatgpt"] = Speaker.Assistant,
        ["assistant"] = Speaker.Assistant,
        ["bot"] = Speaker.Assistant,
        ["model"] = Speaker.Assistant,
        ["function_call"] = Speaker.Assistant,
        ["system"] = Speaker.System,
        ["developer"] = Speaker.System,
        ["tool"] = Speaker.Tool,
        ["function"] = Speaker.Tool,
        ["observation"] = Speaker.Tool,
        ["ipython"] = Speaker.Tool,
        ["tool_response"] = Speaker.Tool,
    };

    internal static readonly string[] Thoughts = ["reasoning_content", "reasoning", "thinking"];

    private static readonly string[] TextParts = ["text", "input_text", "output_text"];

    /// <summary>Why no row can hold the conversation, or null.</summary>
    public string? Problem { get; private init; }

    /// <summary>ShareGPT's turn whose text is the call of a tool, as JSON.</summary>
    public bool IsCall => Name.Equals("function_call", StringComparison.OrdinalIgnoreCase);

    public bool CallsTools => IsCall || Calls(Message).Count > 0;

    /// <summary>What the model thought before the answer, beside its text; null for nothing.</summary>
    public string? Reasoning => Thoughts
        .Select(name => Message.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null)
        .FirstOrDefault(text => !string.IsNullOrEmpty(text));

    /// <returns>Null where the turn doesn't say who speaks.</returns>
    public static SpokenTurn? Of(JsonElement message)
    {
        // Some write OpenAI's turns into ShareGPT's list, or the other way round.
        if (message.ValueKind != JsonValueKind.Object
            || !(message.TryGetProperty("role", out var role) || message.TryGetProperty("from", out role))
            || role.ValueKind != JsonValueKind.String)
        {
            return null;
        }
        var name = role.GetString()!.Trim();
        var content = message.TryGetProperty("content", out var openAi) ? openAi
            : message.TryGetProperty("value", out var value) ? value : default;
        var (text, problem) = Said(content, Calls(message).Count > 0);
        return new(Speakers.GetValueOrDefault(name), name, text, message)
        {
            Problem = !Speakers.ContainsKey(name)
                    ? name.Length <= 24 && name.All(letter => char.IsAsciiLetter(letter) || letter is '_' or '-')
                        ? $"a turn of '{name}'" : "a turn of a role that isn't known"
                : problem ?? (message.TryGetProperty("weight", out var weight) && weight.ValueKind == JsonValueKind.Number
                    && weight.GetDouble() == 0 ? "an answer that isn't to be learned (weight 0)" : null),
        };
    }

    /// <summary>A text, or OpenAI's list of parts where all of them are texts.</summary>
    private static (string Text, string? Problem) Said(JsonElement content, bool callsTools)
    {
        const string noText = "a turn that isn't text";
        if (content.ValueKind == JsonValueKind.String)
        {
            return (content.GetString()!, null);
        }
        if (content.ValueKind != JsonValueKind.Array)
        {
            return ("", callsTools && content.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined ? null : noText);
        }
        List<string> texts = [];
        foreach (var part in content.EnumerateArray())
        {
            if (part.ValueKind != JsonValueKind.Object || !part.TryGetProperty("type", out var type)
                || type.ValueKind != JsonValueKind.String)
            {
                return ("", noText);
            }
            var kind = type.GetString()!;
            if (!TextParts.Contains(kind) || !part.TryGetProperty("text", out var text) || text.ValueKind != JsonValueKind.String)
            {
                return ("", kind.Length <= 24 && kind.All(letter => char.IsAsciiLetter(letter) || letter == '_')
                    ? $"a turn that holds '{kind}'" : noText);
            }
            texts.Add(text.GetString()!);
        }
        return (string.Concat(texts), null);
    }

    /// <summary>The calls that stand beside what is said: tool_calls, or the one function_call of OpenAI's earlier form.</summary>
    internal static IReadOnlyList<JsonElement> Calls(JsonElement message)
    {
        message.TryGetProperty("tool_calls", out var calls);
        IReadOnlyList<JsonElement> all = calls.ValueKind switch
        {
            JsonValueKind.Undefined or JsonValueKind.Null => [],
            JsonValueKind.Array => [.. calls.EnumerateArray()],
            _ => [calls],
        };
        return all.Count == 0 && message.TryGetProperty("function_call", out var call) && call.ValueKind == JsonValueKind.Object
            ? [call] : all;
    }
}
