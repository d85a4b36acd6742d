using System.Text.Json.Serialization;
using LoraAspire.Chat.Models;
using LoraAspire.Chat.Requests;
using LoraAspire.Chat.Streaming;

namespace LoraAspire.Chat.OpenAi;

public sealed record Completion(string Id, string Object, long Created, string? Model, IReadOnlyList<CompletionChoice> Choices)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Usage? Usage { get; init; }
}

public sealed record CompletionChoice(int Index, string Text, string? FinishReason, CompletionLogprobs? Logprobs);

/// <summary>POST /v1/completions: goes on with texts, without any template.</summary>
public static class CompletionsEndpoint
{
    public static void MapCompletions(this WebApplication app) =>
        app.MapPost("/v1/completions", async Task<IResult> (HttpContext http, ModelRunner runner, TimeProvider clock) =>
        {
            var body = await RequestBody.ReadAsync(http.Request);
            var request = CompletionRequest.Read(body);
            http.Response.Warn(body.Warnings());
            Completion completion =
                new($"cmpl-{Guid.NewGuid():N}", "text_completion", clock.GetUtcNow().ToUnixTimeSeconds(), request.Options.ModelId, []);
            Prompted prompted = new();
            request.Options.Prompted = prompted.Say;
            var pieces = CompletionPieces.OfAsync(runner, request, http.RequestAborted);
            if (request.Stream)
            {
                return OpenAiJson.Stream(Chunks(pieces, request, completion), prompted);
            }
            var all = await pieces.ToListAsync(http.RequestAborted);
            return OpenAiJson.Answer(completion with
            {
                Choices = [.. all.GroupBy(piece => Index(piece, request)).OrderBy(answer => answer.Key).Select(answer =>
                    new CompletionChoice(answer.Key, string.Concat(answer.Select(piece => piece.Echo + piece.Piece.Text)),
                        answer.Last().Finish, Logprobs([.. answer], request, 0)))],
                Usage = Cost(all),
            });
        });

    private static async IAsyncEnumerable<Completion> Chunks(
        IAsyncEnumerable<CompletionPiece> pieces, CompletionRequest request, Completion completion)
    {
        List<CompletionPiece> ended = [];
        Dictionary<int, int> lengths = [];
        await foreach (var piece in pieces)
        {
            var index = Index(piece, request);
            var offset = lengths.GetValueOrDefault(index);
            var logprobs = Logprobs([piece], request, offset);
            lengths[index] = offset + (logprobs?.Length ?? 0);
            if (piece.Piece.Finish is not null)
            {
                ended.Add(piece);
            }
            yield return completion with { Choices = [new(index, piece.Echo + piece.Piece.Text, piece.Finish, logprobs)] };
        }
        if (request.IncludeUsage)
        {
            yield return completion with { Usage = Cost(ended) };
        }
    }

    private static int Index(CompletionPiece piece, CompletionRequest request) =>
        (piece.Prompt * request.Options.Choices) + piece.Piece.Choice;

    private static CompletionLogprobs? Logprobs(IReadOnlyList<CompletionPiece> pieces, CompletionRequest request, int offset) =>
        request.Options.TopLogprobs is null ? null : CompletionLogprobs.Of(pieces.SelectMany(piece => piece.Piece.Logprobs), offset);

    /// <summary>A prompt is the same for its answers, and counts once.</summary>
    private static Usage Cost(IReadOnlyList<CompletionPiece> pieces)
    {
        var prompt = pieces.DistinctBy(piece => piece.Prompt).Sum(piece => (long)piece.PromptTokens);
        var answers = pieces.Where(piece => piece.Piece.Finish is not null).Sum(piece => (long)piece.Piece.Tokens);
        return new(prompt, answers, prompt + answers);
    }
}
