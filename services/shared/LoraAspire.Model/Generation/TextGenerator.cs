using LoraAspire.Model.Network;
using LoraAspire.Model.Tokenizers;
using static TorchSharp.torch;

namespace LoraAspire.Model.Generation;

public enum FinishReason { Stop, Length }

/// <summary>A stretch of the answer. The last one has a <paramref name="Finish"/>, and may have no text.</summary>
/// <param name="Tokens">Tokens of the answer so far, an end-of-sequence token not counted.</param>
public sealed record TextPiece(string Text, int Tokens, FinishReason? Finish = null)
{
    /// <summary>Which of the answers to the prompt it belongs to, from 0.</summary>
    public int Choice { get; init; }

    /// <summary>Of the tokens since the last piece, where they were asked for.</summary>
    public IReadOnlyList<TokenLogprob> Logprobs { get; init; } = [];
}

/// <summary>A token of the answer and how probable it was before any temperature or penalty.</summary>
/// <param name="Bytes">What it stands for, in UTF-8; it may be a part of a character.</param>
/// <param name="Logprob">Natural logarithm.</param>
/// <param name="Top">The most probable tokens in its place, best first, without a list of their own.</param>
public sealed record TokenLogprob(int Id, byte[] Bytes, double Logprob, IReadOnlyList<TokenLogprob> Top);

/// <summary>Continues a prompt, token by token, with a key/value cache.</summary>
public sealed class TextGenerator(LlamaModel model, HfTokenizer tokenizer, IReadOnlySet<int> eosIds)
{
    /// <summary>The answer in pieces, each as soon as it is certain.</summary>
    /// <exception cref="ModelException">The prompt is empty or leaves no room in the context.</exception>
    public IEnumerable<TextPiece> Stream(IReadOnlyList<int> promptIds, GenerationOptions options,
        CancellationToken cancellationToken = default)
    {
        var text = new TextStream(tokenizer, promptIds, options.Stop);
        var count = 0;
        foreach (var id in Tokens(model, promptIds, options, cancellationToken))
        {
            if (eosIds.Contains(id))
            {
                yield return new TextPiece(text.Flush(), count, FinishReason.Stop);
                yield break;
            }
            count++;
            if (!tokenizer.Knows(id))
            {
                continue; // heads are often wider than the vocabulary; such an id says nothing
            }
            var piece = text.Add(id);
            if (text.Stopped)
            {
                yield return new TextPiece(piece, count, FinishReason.Stop);
                yield break;
            }
            if (piece.Length > 0)
            {
                yield return new TextPiece(piece, count);
            }
        }
        var rest = text.Flush();
        yield return new TextPiece(rest, count, text.Stopped ? FinishReason.Stop : FinishReason.Length);
    }

    /// <summary>The whole answer.</summary>
    public string Complete(IReadOnlyList<int> promptIds, GenerationOptions options, CancellationToken cancellationToken = default) =>
        string.Concat(Stream(promptIds, options, cancellationToken).Select(piece => piece.Text));

    /// <summary>New ids without end; the caller knows end-of-sequence. Stops at MaxNewTokens and where the context is full.</summary>
    public static IEnumerable<int> Tokens(LlamaModel model, IReadOnlyList<int> promptIds, GenerationOptions options,
        CancellationToken cancellationToken = default)
    {
        var context = model.Config.Context;
        if (promptIds.Count == 0 || promptIds.Count >= context)
        {
            throw new ModelException($"The prompt has {promptIds.Count} tokens; this model takes 1 to {context - 1}.");
        }
        var newTokens = Math.Min(options.MaxNewTokens, context - promptIds.Count);
        var sampler = new TokenSampler(options);
        var seen = options.RepetitionPenalty == 1 ? null : new HashSet<int>(promptIds);
        var logits = new float[model.Config.VocabSize];
        using var cache = new KvCache(model.Config, batch: 1, promptIds.Count + newTokens, model.Device, model.Dtype);
        long[] next = [.. promptIds.Select(id => (long)id)];
        for (var i = 0; i < newTokens; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Forward(model, next, cache, logits);
            var id = sampler.Next(logits, (IReadOnlyCollection<int>?)seen ?? []);
            seen?.Add(id);
            yield return id;
            next = [id];
        }
    }

    private static void Forward(LlamaModel model, long[] ids, KvCache cache, float[] logits)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var output = model.Forward(tensor(ids, [1, ids.Length], device: model.Device), cache, lastOnly: true);
        output.reshape(-1).cpu().data<float>().CopyTo(logits);
    }
}
