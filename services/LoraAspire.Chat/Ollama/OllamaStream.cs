using LoraAspire.Chat.OpenAi;
using LoraAspire.Chat.Streaming;
using LoraAspire.Model.Generation;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.Ollama;

/// <summary>A stretch of an answer on its way to Ollama's shapes.</summary>
/// <param name="Finish">stop, length, …, with the last one.</param>
internal sealed record OllamaPiece(string Text, IReadOnlyList<AIContent> Contents, IReadOnlyList<TokenLogprob> Logprobs, string? Finish,
    long PromptTokens, long Tokens)
{
    public static OllamaPiece Of(ChatResponseUpdate update)
    {
        var piece = LocalChatClient.PieceOf(update);
        var usage = update.Contents.OfType<UsageContent>().FirstOrDefault()?.Details;
        // Ollama has no word of its own for calls of tools.
        var finish = update.FinishReason is not { } reason ? null : reason == ChatFinishReason.Length ? "length" : "stop";
        return new(update.Text, [.. update.Contents], piece.Logprobs, finish, usage?.InputTokenCount ?? 0, piece.Tokens);
    }

    public static OllamaPiece Of(CompletionPiece piece) =>
        new(piece.Piece.Text, [], piece.Piece.Logprobs, piece.Finish, piece.PromptTokens, piece.Piece.Tokens);
}

/// <summary>Pieces → Ollama's answers, with the times that each phase took.</summary>
/// <param name="fill">Puts a text, and calls, where the endpoint has them.</param>
internal sealed class OllamaStream(string model, TimeProvider clock, bool withLogprobs,
    Func<OllamaAnswer, string, IEnumerable<AIContent>, OllamaAnswer> fill)
{
    private readonly long _start = clock.GetTimestamp();
    private long? _prompted, _first;

    public Prompted Prompted { get; } = new();

    public void Say(string? warning)
    {
        _prompted ??= clock.GetTimestamp();
        Prompted.Say(warning);
    }

    /// <summary>A line for each piece; the last has no text of its own.</summary>
    public async IAsyncEnumerable<OllamaAnswer> LinesAsync(IAsyncEnumerable<OllamaPiece> pieces)
    {
        await foreach (var piece in pieces)
        {
            _first ??= clock.GetTimestamp();
            if (piece.Text.Length > 0 || piece.Logprobs.Count > 0 || piece.Contents.OfType<FunctionCallContent>().Any())
            {
                yield return fill(new(model, clock.GetUtcNow()) { Logprobs = Logprobs(piece.Logprobs) }, piece.Text, piece.Contents);
            }
            if (piece.Finish is not null)
            {
                yield return fill(Ended(piece), "", []);
            }
        }
    }

    /// <summary>All of it in one.</summary>
    public async Task<OllamaAnswer> WholeAsync(IAsyncEnumerable<OllamaPiece> pieces)
    {
        List<OllamaPiece> all = [];
        await foreach (var piece in pieces)
        {
            _first ??= clock.GetTimestamp();
            all.Add(piece);
        }
        return fill(Ended(all[^1]) with { Logprobs = Logprobs([.. all.SelectMany(piece => piece.Logprobs)]) },
            string.Concat(all.Select(piece => piece.Text)), all.SelectMany(piece => piece.Contents));
    }

    private IReadOnlyList<LogprobEntry>? Logprobs(IReadOnlyList<TokenLogprob> tokens) =>
        withLogprobs ? [.. tokens.Select(LogprobEntry.Of)] : null;

    private OllamaAnswer Ended(OllamaPiece last)
    {
        var now = clock.GetTimestamp();
        var prompted = _prompted ?? _start;
        var first = _first ?? now;
        return new(model, clock.GetUtcNow())
        {
            Done = true,
            DoneReason = last.Finish,
            TotalDuration = Nanoseconds(_start, now),
            LoadDuration = Nanoseconds(_start, prompted),
            PromptEvalCount = last.PromptTokens,
            PromptEvalDuration = Nanoseconds(prompted, first),
            EvalCount = last.Tokens,
            EvalDuration = Nanoseconds(first, now),
        };
    }

    private long Nanoseconds(long from, long to) => (long)clock.GetElapsedTime(from, to).TotalNanoseconds;
}
