using System.Text.Json;
using LoraAspire.Chat.Answers;
using LoraAspire.Model.Generation;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>OpenAI's response object, with the fields that it always has.</summary>
public sealed record ResponseObject
{
    private static readonly JsonElement s_text = JsonElement.Parse("""{"type":"text"}"""), s_none = JsonElement.Parse("{}");

    public required string Id { get; init; }
    public string Object => "response";
    public required long CreatedAt { get; init; }
    public string Status { get; init; } = "in_progress";
    public object? Error => null;
    public IncompleteDetails? IncompleteDetails { get; init; }
    public string? Instructions { get; init; }
    public int? MaxOutputTokens { get; init; }
    public string? Model { get; init; }
    public IReadOnlyList<ResponseItem> Output { get; init; } = [];
    public bool ParallelToolCalls => true;
    public string? PreviousResponseId => null;
    public bool Store => false;
    public double? Temperature { get; init; }
    public required ResponseText Text { get; init; }
    public string ToolChoice => "auto";
    public IReadOnlyList<object> Tools => [];
    public double? TopP { get; init; }
    public string Truncation => "auto";
    public ResponseUsage? Usage { get; init; }
    public required JsonElement Metadata { get; init; }

    /// <summary>Of a response that has just begun.</summary>
    public static ResponseObject Begun(ResponseRequest request, string id, long created)
    {
        var options = LocalChatClient.Generation(request.Options);
        return new()
        {
            Id = id,
            CreatedAt = created,
            Instructions = request.Instructions,
            MaxOutputTokens = request.Options.MaxOutputTokens,
            Model = request.Options.ModelId,
            Temperature = options.Temperature,
            Text = new(request.Format ?? s_text),
            TopP = options.TopP,
            Metadata = request.Metadata ?? s_none,
        };
    }

    /// <param name="item">Its message, as it began.</param>
    /// <param name="said">Its one answer, whole.</param>
    internal ResponseObject Ended(ResponseItem item, CollectedAnswers said)
    {
        var answer = said.Answers[0];
        var ended = item.Ended(ResponsePart.Of(answer.Text.ToString(), answer.Logprobs), answer.Finish);
        return this with
        {
            Status = ended.Status,
            IncompleteDetails = answer.Finish == ChatFinishReason.Length ? new("max_output_tokens") : null,
            Output = [ended],
            Usage = ResponseUsage.Of(said.Usage),
        };
    }
}

public sealed record IncompleteDetails(string Reason);

public sealed record ResponseText(JsonElement Format);

public sealed record ResponseItem(string Id, string Type, string Status, string Role, IReadOnlyList<ResponsePart> Content)
{
    public static ResponseItem Begun(string id) => new(id, "message", "in_progress", "assistant", []);

    public ResponseItem Ended(ResponsePart part, ChatFinishReason? finish) =>
        this with { Status = finish == ChatFinishReason.Length ? "incomplete" : "completed", Content = [part] };
}

public sealed record ResponsePart(string Type, string Text, IReadOnlyList<object> Annotations, IReadOnlyList<LogprobEntry> Logprobs)
{
    public static ResponsePart Of(string text, IEnumerable<TokenLogprob> logprobs) =>
        new("output_text", text, [], [.. logprobs.Select(LogprobEntry.Of)]);
}

public sealed record ResponseUsage(long InputTokens, CachedTokens InputTokensDetails, long OutputTokens,
    ReasoningTokens OutputTokensDetails, long TotalTokens)
{
    public static ResponseUsage Of(UsageDetails details)
    {
        var (input, output) = (details.InputTokenCount ?? 0, details.OutputTokenCount ?? 0);
        return new(input, new(details.CachedInputTokenCount ?? 0), output, new(0), input + output);
    }
}

public sealed record CachedTokens([property: System.Text.Json.Serialization.JsonPropertyName("cached_tokens")] long Count);

public sealed record ReasoningTokens([property: System.Text.Json.Serialization.JsonPropertyName("reasoning_tokens")] long Count);
