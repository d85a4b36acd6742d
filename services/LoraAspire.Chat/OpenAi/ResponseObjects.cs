using System.Text.Json;
using LoraAspire.Chat.Answers;
using LoraAspire.Model.Generation;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>OpenAI's response object, with the fields that it always has.</summary>
public sealed record ResponseObject(string Id, string Object, long CreatedAt, string Status, object? Error,
    IncompleteDetails? IncompleteDetails, string? Instructions, int? MaxOutputTokens, string? Model,
    IReadOnlyList<ResponseItem> Output, bool ParallelToolCalls,
    string? PreviousResponseId, bool Store, double? Temperature, ResponseText Text, string ToolChoice, IReadOnlyList<object> Tools,
    double? TopP, string Truncation, ResponseUsage? Usage, JsonElement Metadata)
{
    private static readonly JsonElement s_text = JsonElement.Parse("""{"type":"text"}"""), s_none = JsonElement.Parse("{}");

    /// <summary>Of a response that has just begun.</summary>
    public static ResponseObject Begun(ResponseRequest request, string id, long created)
    {
        var options = LocalChatClient.Generation(request.Options);
        return new(id, "response", created, "in_progress", null, null, request.Instructions, request.Options.MaxOutputTokens,
            request.Options.ModelId, [], true, null, false, options.Temperature, new(request.Format ?? s_text), "auto", [], options.TopP,
            "auto", null, request.Metadata ?? s_none);
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
