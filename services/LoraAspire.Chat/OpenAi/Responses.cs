using System.Text.Json.Serialization;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>One answer, or with <c>object: chat.completion.chunk</c> a stretch of it.</summary>
public sealed record ChatCompletion(string Id, string Object, long Created, string? Model, IReadOnlyList<ChatChoice> Choices)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Usage? Usage { get; init; }
}

public sealed record ChatChoice(int Index, string? FinishReason)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ResponseMessage? Message { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ResponseMessage? Delta { get; init; }
}

public sealed record ResponseMessage(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Role,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Content);

public sealed record Completion(string Id, string Object, long Created, string? Model, IReadOnlyList<CompletionChoice> Choices)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Usage? Usage { get; init; }
}

public sealed record CompletionChoice(int Index, string Text, string? FinishReason);

public sealed record Usage(long PromptTokens, long CompletionTokens, long TotalTokens)
{
    public static readonly Usage None = new(0, 0, 0);

    /// <summary>The prompt is the same for every answer and counts once; answers add up.</summary>
    public Usage Plus(long promptTokens, long completionTokens) =>
        new(promptTokens, CompletionTokens + completionTokens, promptTokens + CompletionTokens + completionTokens);

    public Usage Plus(UsageDetails? details) => details is null ? this : Plus(details.InputTokenCount ?? 0, details.OutputTokenCount ?? 0);
}

public sealed record ModelList(string Object, IReadOnlyList<ModelEntry> Data);

public sealed record ModelEntry(string Id, string Object, long Created, string OwnedBy);
