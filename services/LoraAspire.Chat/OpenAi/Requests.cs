using System.Text.Json;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>
/// What both kinds of completion take. <c>top_k</c> and <c>repetition_penalty</c> are additions that other local servers know too.
/// </summary>
public abstract record SamplingRequest
{
    private const int MostChoices = 8;

    public string? Model { get; init; }
    public bool Stream { get; init; }
    public StreamSettings? StreamOptions { get; init; }
    public int? MaxTokens { get; init; }
    public float? Temperature { get; init; }
    public float? TopP { get; init; }
    public int? TopK { get; init; }
    public double? RepetitionPenalty { get; init; }
    public long? Seed { get; init; }
    /// <summary>A text or a list of texts.</summary>
    public JsonElement? Stop { get; init; }
    public int? N { get; init; }

    /// <summary>A stream ends with what it cost.</summary>
    public bool WantsUsage => StreamOptions is { IncludeUsage: true };

    protected virtual int? MostNewTokens => MaxTokens;

    /// <summary>The settings of each of the <c>n</c> answers.</summary>
    /// <exception cref="RequestException">A value out of range.</exception>
    public IReadOnlyList<ChatOptions> Choices()
    {
        Require(Temperature is null or (>= 0 and <= 2), "temperature", "must be between 0 and 2");
        Require(TopP is null or (> 0 and <= 1), "top_p", "must be above 0 and at most 1");
        Require(TopK is null or >= 0, "top_k", "must be 0 (all) or more");
        Require(RepetitionPenalty is null or (> 0 and <= 100), "repetition_penalty", "must be above 0 and at most 100");
        Require(MostNewTokens is null or >= 1, "max_tokens", "must be at least 1");
        Require(N is null or (>= 1 and <= MostChoices), "n", $"must be between 1 and {MostChoices}");
        var stop = StopSequences();
        return [.. Enumerable.Range(0, N ?? 1).Select(index => new ChatOptions
        {
            ModelId = Model,
            Temperature = Temperature,
            TopP = TopP,
            TopK = TopK,
            Seed = Seed + index,
            MaxOutputTokens = MostNewTokens,
            StopSequences = stop,
            AdditionalProperties = RepetitionPenalty is { } penalty ? new() { [LocalChatClient.RepetitionPenalty] = penalty } : null,
        })];
    }

    protected static void Require(bool holds, string param, string problem)
    {
        if (!holds)
        {
            throw new RequestException($"'{param}' {problem}.", param);
        }
    }

    private List<string> StopSequences()
    {
        List<string> stop = Stop switch
        {
            null or { ValueKind: JsonValueKind.Null } => [],
            { ValueKind: JsonValueKind.String } one => [Texts.Of(one, "stop")],
            { ValueKind: JsonValueKind.Array } several when several.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) =>
                [.. several.EnumerateArray().Select(item => Texts.Of(item, "stop"))],
            _ => throw new RequestException("'stop' must be a text or a list of texts.", "stop"),
        };
        Require(stop.All(text => text.Length > 0), "stop", "must not hold an empty text");
        return stop;
    }
}

internal static class Texts
{
    /// <exception cref="RequestException">An escape in it stands for half a character.</exception>
    public static string Of(JsonElement text, string param)
    {
        try
        {
            return text.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new RequestException($"'{param}' holds an escape (\\ud800 to \\udfff) that is half a character.", param);
        }
    }
}

/// <summary>OpenAI's stream_options.</summary>
public sealed record StreamSettings(bool IncludeUsage = false);

public sealed record ChatCompletionRequest : SamplingRequest
{
    public IReadOnlyList<RequestMessage>? Messages { get; init; }
    public int? MaxCompletionTokens { get; init; }
    public JsonElement? Tools { get; init; }

    protected override int? MostNewTokens => MaxCompletionTokens ?? MaxTokens;

    /// <exception cref="RequestException">No messages, or one that isn't text.</exception>
    public IReadOnlyList<ChatMessage> ChatMessages()
    {
        Require(Messages is { Count: > 0 }, "messages", "must hold at least one message");
        Require(Tools is null or { ValueKind: JsonValueKind.Null }
            || Tools is { ValueKind: JsonValueKind.Array } tools && tools.GetArrayLength() == 0, "tools", "are not supported");
        Require(!Messages!.Contains(null!), "messages", "must not hold null");
        return [.. Messages!.Select(message => new ChatMessage(RoleOf(message), message.Text()))];
    }

    private static ChatRole RoleOf(RequestMessage message) => message.Role switch
    {
        "system" or "developer" => ChatRole.System,
        "user" => ChatRole.User,
        "assistant" => ChatRole.Assistant,
        _ => throw new RequestException($"Role '{message.Role}' is not one of system, developer, user, assistant.", "messages"),
    };
}

/// <param name="Content">A text, or a list of parts of type text.</param>
public sealed record RequestMessage(string? Role, JsonElement Content)
{
    public string Text() => Content.ValueKind switch
    {
        JsonValueKind.String => Texts.Of(Content, "messages"),
        JsonValueKind.Array => string.Concat(Content.EnumerateArray().Select(PartText)),
        _ => throw new RequestException("A message's content must be a text or a list of text parts.", "messages"),
    };

    private static string PartText(JsonElement part) =>
        part.ValueKind == JsonValueKind.Object && part.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String
            ? Texts.Of(text, "messages")
            : throw new RequestException("A part of a message is not text; only text is understood.", "messages");
}

public sealed record CompletionRequest : SamplingRequest
{
    /// <summary>A text, or a list of one.</summary>
    public JsonElement Prompt { get; init; }
    public bool Echo { get; init; }

    public string PromptText() => Prompt switch
    {
        { ValueKind: JsonValueKind.String } => Texts.Of(Prompt, "prompt"),
        { ValueKind: JsonValueKind.Array } when Prompt.GetArrayLength() == 1 && Prompt[0].ValueKind == JsonValueKind.String =>
            Texts.Of(Prompt[0], "prompt"),
        _ => throw new RequestException("'prompt' must be a text or a list of one text.", "prompt"),
    };
}
