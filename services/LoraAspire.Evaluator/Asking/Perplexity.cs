using LoraAspire.Model.Data;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Runtime.Stages;
using static TorchSharp.torch;

namespace LoraAspire.Evaluator.Asking;

/// <summary>
/// exp of the mean −log p of the answers' tokens, each after its prompt and the tokens before it: what the trainer's evaluation measures,
/// on answers alone.
/// </summary>
internal static class Perplexity
{
    /// <summary>Tokens of a batch, padding included.</summary>
    private const int BatchTokens = 2048;

    /// <param name="answered">The answers are their first references.</param>
    /// <exception cref="StageException">No answer fits behind its prompt.</exception>
    public static double Of(LoadedModel model, IReadOnlyList<HeldOutRow> answered, CancellationToken cancellationToken)
    {
        var context = model.Network.Config.Context;
        Preprocessor rows = new(model.Tokenizer, model.Format(), new(context, TrainOnInputs: false));
        var encoded = answered.Select(one => one.Tokens is { } tokens ? Cut(tokens, context)
                : rows.Row(one.Question, one.Input, one.References[0]))
            .Where(row => row.Targets > 0).OrderByDescending(row => row.InputIds.Length).ToList();
        if (encoded.Count == 0)
        {
            throw new StageException(
                "No held-out answer fits into the model's context behind its question: perplexity has nothing to measure.");
        }
        var (loss, next) = (0.0, 0);
        while (next < encoded.Count)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var batch = encoded.Skip(next).Take(Math.Max(1, BatchTokens / encoded[next].InputIds.Length)).ToList();
            loss += Loss(model.Network, batch);
            next += batch.Count;
        }
        return Math.Exp(loss / encoded.Sum(row => (long)row.Targets));
    }

    /// <summary>As the rows of a file are cut.</summary>
    private static TokenizedRow Cut(TokenizedRow row, int context) => row.InputIds.Length <= context ? row
        : row with { InputIds = row.InputIds[..context], Labels = row.Labels[..context], Truncated = true };

    private static double Loss(LlamaModel model, IReadOnlyList<TokenizedRow> rows)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        // Causal attention never looks at padding that stands behind.
        var padded = Collator.Pad([.. rows.Select(row => (row.InputIds, row.Labels))], PaddingSide.Right);
        return model.SummedLoss(tensor(padded.InputIds).to(model.Device), tensor(padded.Labels).to(model.Device), null, training: false)
            .ReadSingle();
    }
}
