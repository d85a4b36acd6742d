using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Tokenizers;
using static TorchSharp.torch;

namespace LoraAspire.Evaluator.Asking;

/// <summary>
/// Takes the letter that is most probable after the prompt, as lm-evaluation-harness does: prompt and letter are one text, without a chat
/// template, BOS first where the tokenizer has one, and what the text has more tokens than the prompt is the letter's. Nothing is
/// generated.
/// </summary>
/// <remarks>A prompt that is longer than the context loses its beginning.</remarks>
internal static class MultipleChoice
{
    /// <summary>The choice of each question, from 0.</summary>
    public static IReadOnlyList<int> Taken(LoadedModel model, ChoiceQuestions questions, CancellationToken cancellationToken) =>
    [
        .. questions.Rows.Select(row =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            return Best(model.Network, model.Tokenizer, row, questions.Prompt(row));
        }),
    ];

    private static int Best(LlamaModel model, HfTokenizer tokenizer, ChoiceRow row, string prompt)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var start = tokenizer.Encode(prompt, addBos: true).Length;
        var texts = row.Choices.Select((_, i) => tokenizer.Encode($"{prompt} {row.Letter(i)}", addBos: true)).ToList();
        // Where each letter is one token after the same others, which is the rule, one pass tells all.
        if (texts.TrueForAll(ids => ids.Length == start + 1 && ids.AsSpan(0, start).SequenceEqual(texts[0].AsSpan(0, start))))
        {
            var logits = model.Forward(Ids(model, texts[0].AsSpan(0, start)), lastOnly: true).reshape(-1).cpu().data<float>().ToArray();
            return Enumerable.Range(0, texts.Count).MaxBy(i => logits[texts[i][start]]);
        }
        return Enumerable.Range(0, texts.Count).MinBy(i =>
        {
            var ids = Ids(model, texts[i]);
            var labels = ids.clone();
            var learned = Math.Max(1, texts[i].Length - start);
            labels.narrow(1, 0, Math.Max(1, labels.size(1) - learned)).fill_((-100L).AsScalar());
            return model.SummedLoss(ids, labels, null, training: false).ReadSingle();
        });
    }

    private static Tensor Ids(LlamaModel model, ReadOnlySpan<int> ids)
    {
        var kept = ids[Math.Max(0, ids.Length - model.Config.Context)..];
        var row = new long[1, kept.Length];
        for (var i = 0; i < kept.Length; i++)
        {
            row[0, i] = kept[i];
        }
        return tensor(row).to(model.Device);
    }
}
