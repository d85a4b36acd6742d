using LoraAspire.Chat.Answers;
using LoraAspire.Chat.Requests;
using LoraAspire.Chat.Streaming;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>POST /v1/chat/completions: OpenAI's shapes over an <see cref="IChatClient"/>.</summary>
public static class ChatCompletionsEndpoint
{
    public static void MapChatCompletions(this WebApplication app) =>
        app.MapPost("/v1/chat/completions", async Task<IResult> (HttpContext http, IChatClient client, TimeProvider clock) =>
        {
            var body = await RequestBody.ReadAsync(http.Request);
            var request = ChatRequest.Read(body);
            http.Response.Warn(body.Warnings());
            Prompted prompted = new();
            request.Options.Prompted = prompted.Say;
            var (id, created) = ($"chatcmpl-{Guid.NewGuid():N}", clock.GetUtcNow().ToUnixTimeSeconds());
            var updates = client.GetStreamingResponseAsync(request.Messages, request.Options, http.RequestAborted);
            if (request.Stream)
            {
                ChatCompletion<ChunkChoice> chunk = new(id, "chat.completion.chunk", created, request.Options.ModelId, []);
                return OpenAiJson.Stream(Chunks(updates, request, chunk), prompted);
            }
            var answers = await CollectedAnswers.OfAsync(updates);
            http.Response.Warn(prompted.Warnings);
            return OpenAiJson.Answer(new ChatCompletion<ChatChoice>(id, "chat.completion", created, request.Options.ModelId,
                [.. answers.Answers.Select((answer, index) => Choice(index, answer, request.Options.TopLogprobs))])
            {
                Usage = Usage.Of(answers.Usage),
            });
        });

    private static ChatChoice Choice(int index, CollectedAnswer answer, int? logprobs)
    {
        var text = answer.Text.ToString();
        var calls = answer.Calls.Count > 0;
        return new(index, answer.Finish?.Value, new("assistant", calls && string.IsNullOrWhiteSpace(text) ? null : text)
        {
            ToolCalls = calls ? [.. answer.Calls.Select(call => CallEntry.Of(call))] : null,
        }, ChoiceLogprobs.Of(answer.Logprobs, logprobs));
    }

    /// <param name="chunk">What all of them have.</param>
    private static async IAsyncEnumerable<ChatCompletion<ChunkChoice>> Chunks(
        IAsyncEnumerable<ChatResponseUpdate> updates, ChatRequest request, ChatCompletion<ChunkChoice> chunk)
    {
        Dictionary<int, int> calls = [];
        UsageDetails usage = new();
        await foreach (var update in updates)
        {
            var piece = LocalChatClient.PieceOf(update);
            ChatCompletion<ChunkChoice> Of(AnswerDelta delta, string? finish = null, bool withLogprobs = false) => chunk with
            {
                Choices = [new(piece.Choice, finish, delta)
                {
                    Logprobs = withLogprobs ? ChoiceLogprobs.Of(piece.Logprobs, request.Options.TopLogprobs) : null,
                }],
            };
            if (calls.TryAdd(piece.Choice, 0))
            {
                yield return Of(new("assistant", ""));
            }
            if (update.Text.Length > 0 || piece.Logprobs.Count > 0)
            {
                yield return Of(new(Content: update.Text), withLogprobs: true);
            }
            foreach (var call in update.Contents.OfType<FunctionCallContent>())
            {
                yield return Of(new() { ToolCalls = [CallEntry.Of(call, calls[piece.Choice]++)] });
            }
            CollectedAnswers.Count(update, usage);
            if (update.FinishReason is { } finish)
            {
                yield return Of(new(), finish.Value);
            }
        }
        if (request.IncludeUsage)
        {
            yield return chunk with { Usage = Usage.Of(usage) };
        }
    }
}
