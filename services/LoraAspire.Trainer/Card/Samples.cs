using LoraAspire.Model.Data;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Network;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using TorchSharp;

namespace LoraAspire.Trainer.Card;

/// <param name="Expected">The row's own answer, cut as the model's is.</param>
internal sealed record Sample(string Prompt, string Expected, string Answer);

/// <summary>What the trained model answers to held-out prompts, greedily.</summary>
internal static class Samples
{
    private const int Count = 3;
    private const int MaxNewTokens = 48;
    /// <summary>
    /// Above it a CPU would take minutes for a few lines. Decided by size and not by the clock, since equal runs must give equal cards.
    /// </summary>
    private const long LargestOnCpu = 200_000_000;

    /// <param name="heldOut">Rows of the data set.</param>
    /// <returns>None when it would not be cheap, no row is held out, the rows have loss on their prompts too, or the base has no
    /// tokenizer.</returns>
    public static IReadOnlyList<Sample> Of(LlamaModel model, string baseFolder, PromptFormat? format, InstructionDataset rows,
        IReadOnlyList<int> heldOut, CancellationToken cancellationToken)
    {
        var cheap = model.Device.type != DeviceType.CPU || model.WeightCount <= LargestOnCpu;
        if (!cheap || !TokenizerFiles.Names.Any(name => File.Exists(Path.Combine(baseFolder, name))))
        {
            return [];
        }
        List<(int[] Prompt, int[] Answer)> asked = [.. heldOut.Where(row => PromptLength(rows, row) is var length && length > 1
            && length < Math.Min(rows.Length(row), model.Config.MaxPositionEmbeddings)).Take(Count).Select(row =>
        {
            var ids = rows.InputIds(row).ToArray();
            var length = PromptLength(rows, row);
            return (ids[..length], ids[length..]);
        })];
        if (asked.Count == 0)
        {
            return [];
        }
        using var engine = LocalModel.Of(model, baseFolder, format,
            asked.Sum(row => row.Prompt.Length + MaxNewTokens + StepExecutor.BlockSize));
        var tokenizer = engine.Tokenizer;
        // Nothing here waits for anybody but the engine's own thread.
        var answers = engine.AnswersAsync([.. asked.Select(row => row.Prompt)], GenerationOptions.Greedy(MaxNewTokens),
            cancellationToken: cancellationToken).GetAwaiter().GetResult();
        string Text(IEnumerable<int> ids) => tokenizer.Decode(ids.Where(tokenizer.Knows));
        return [.. asked.Zip(answers, (row, answer) => new Sample(Text(row.Prompt),
            Text(row.Answer.Where(id => id != tokenizer.EosId).Take(MaxNewTokens)).Trim(), answer.Trim()))];
    }

    /// <summary>Leading tokens without loss.</summary>
    private static int PromptLength(InstructionDataset rows, int row)
    {
        var labels = rows.Labels(row);
        var first = labels.IndexOfAnyExcept(InstructionDataset.NoLoss);
        return first < 0 ? labels.Length : first;
    }
}
