using System.Runtime.CompilerServices;
using LoraAspire.Chat.Models;
using LoraAspire.Model.Generation;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>POST /v1/completions: goes on with a text, without any template.</summary>
public static class CompletionsEndpoint
{
    /// <param name="Usage">Of all answers up to here; null before an answer's last piece.</param>
    private sealed record Piece(CompletionChoice Choice, Usage? Usage);

    public static void MapCompletions(this WebApplication app) =>
        app.MapPost("/v1/completions",
            async Task<IResult> (HttpRequest http, ModelRunner runner, TimeProvider clock, CancellationToken cancellationToken) =>
        {
            var request = await OpenAiJson.ReadAsync<CompletionRequest>(http);
            var (prompt, choices) = (request.PromptText(), request.Choices());
            var body =
                new Completion($"cmpl-{Guid.NewGuid():N}", "text_completion", clock.GetUtcNow().ToUnixTimeSeconds(), request.Model, []);
            var pieces = PiecesAsync(runner, prompt, choices, cancellationToken);
            if (request.Stream)
            {
                return OpenAiJson.Stream(ChunksAsync(pieces, body, request.WantsUsage));
            }
            var all = await pieces.ToListAsync(cancellationToken);
            var start = request.Echo ? prompt : "";
            return TypedResults.Json(body with
            {
                Choices = [.. all.GroupBy(piece => piece.Choice.Index).Select(answer => new CompletionChoice(
                    answer.Key, start + string.Concat(answer.Select(piece => piece.Choice.Text)), answer.Last().Choice.FinishReason))],
                Usage = all.Last().Usage,
            }, OpenAiJson.Options);
        });

    private static async IAsyncEnumerable<Completion> ChunksAsync(IAsyncEnumerable<Piece> pieces, Completion body, bool withUsage)
    {
        Usage? usage = null;
        await foreach (var piece in pieces)
        {
            usage = piece.Usage;
            yield return body with { Choices = [piece.Choice] };
        }
        if (withUsage)
        {
            yield return body with { Usage = usage };
        }
    }

    private static async IAsyncEnumerable<Piece> PiecesAsync(
        ModelRunner runner, string prompt, IReadOnlyList<ChatOptions> choices, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        int[] Encode(LocalModel model) => model.Tokenizer.Encode(prompt, addBos: true);
        var usage = Usage.None;
        foreach (var (index, options) in choices.Index())
        {
            await foreach (var (piece, promptTokens) in runner.StreamAsync(options.ModelId, Encode, LocalChatClient.Generation(options),
                cancellationToken))
            {
                usage = piece.Finish is null ? usage : usage.Plus(promptTokens, piece.Tokens);
                yield return new(new(index, piece.Text, piece.Finish?.ToString().ToLowerInvariant()), piece.Finish is null ? null : usage);
            }
        }
    }
}
