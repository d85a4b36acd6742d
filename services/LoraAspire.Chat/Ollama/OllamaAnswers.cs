using System.Text.Json;
using System.Text.Json.Serialization;
using LoraAspire.Chat.OpenAi;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.Ollama;

/// <summary>A piece of an answer, or the whole of it; /api/chat's has a message, /api/generate's a response.</summary>
public sealed record OllamaAnswer(string Model, DateTimeOffset CreatedAt)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public OllamaMessage? Message { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Response { get; init; }

    public bool Done { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? DoneReason { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<LogprobEntry>? Logprobs { get; init; }

    /// <summary>Nanoseconds, as the others.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? TotalDuration { get; init; }

    /// <summary>Until the model had taken the prompt.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? LoadDuration { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? PromptEvalCount { get; init; }

    /// <summary>From there to the first piece.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? PromptEvalDuration { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? EvalCount { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? EvalDuration { get; init; }
}

public sealed record OllamaMessage(string Role, string Content)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<OllamaCall>? ToolCalls { get; init; }

    public static OllamaMessage Of(string text, IEnumerable<AIContent> contents)
    {
        OllamaCall[] calls = [.. contents.OfType<FunctionCallContent>().Select(call =>
            new OllamaCall(call.CallId, new(call.Name, JsonElement.Parse(Answers.ToolCalls.Arguments(call)))))];
        return new("assistant", text) { ToolCalls = calls.Length > 0 ? calls : null };
    }
}

public sealed record OllamaCall(string Id, OllamaFunction Function);

public sealed record OllamaFunction(string Name, JsonElement Arguments);
