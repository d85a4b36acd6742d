using System.Text.Json.Serialization;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>The answers to a chat, or with <c>object: chat.completion.chunk</c> a stretch of one.</summary>
public sealed record ChatCompletion<TChoice>(string Id, string Object, long Created, string? Model, IReadOnlyList<TChoice> Choices)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Usage? Usage { get; init; }
}

public sealed record ChatChoice(int Index, string? FinishReason, AnswerMessage Message, ChoiceLogprobs? Logprobs);

public sealed record AnswerMessage(string Role, string? Content, string? Refusal = null)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<CallEntry>? ToolCalls { get; init; }
}

public sealed record ChunkChoice(int Index, string? FinishReason, AnswerDelta Delta)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ChoiceLogprobs? Logprobs { get; init; }
}

public sealed record AnswerDelta(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Role = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Content = null)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<CallEntry>? ToolCalls { get; init; }
}

/// <param name="Index">Which call of the answer it is; only pieces of a stream have it.</param>
public sealed record CallEntry([property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Index, string Id, string Type,
    CalledFunction Function)
{
    public static CallEntry Of(FunctionCallContent call, int? index = null) =>
        new(index, call.CallId, "function", new(call.Name, Answers.ToolCalls.Arguments(call)));
}

/// <param name="Arguments">JSON, as a text.</param>
public sealed record CalledFunction(string Name, string Arguments);

public sealed record Usage(long PromptTokens, long CompletionTokens, long TotalTokens)
{
    public static Usage Of(UsageDetails details) =>
        new(details.InputTokenCount ?? 0, details.OutputTokenCount ?? 0, (details.InputTokenCount ?? 0) + (details.OutputTokenCount ?? 0));
}
