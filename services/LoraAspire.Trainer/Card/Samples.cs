using LoraAspire.Model.Data;
using LoraAspire.Model.Generation;
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
        var cheap = model.Device.type != DeviceType.CPU || model.Weights().Sum(weight => weight.Tensor.numel()) <= LargestOnCpu;
        if (!cheap || !TokenizerFiles.Names.Any(name => File.Exists(Path.Combine(baseFolder, name))))
        {
            return [];
        }
        var tokenizer = HfTokenizer.Load(baseFolder);
        var generator = new TextGenerator(model, tokenizer, LocalModel.EosIds(baseFolder, tokenizer, format));
        var samples = new List<Sample>();
        foreach (var row in heldOut.Where(row => PromptLength(rows, row) is var length && length > 1
            && length < Math.Min(rows.Length(row), model.Config.MaxPositionEmbeddings)).Take(Count))
        {
            var ids = rows.InputIds(row).ToArray();
            var length = PromptLength(rows, row);
            var answer = generator.Complete(ids[..length], GenerationOptions.Greedy(MaxNewTokens), cancellationToken);
            samples.Add(new Sample(tokenizer.Decode(ids[..length].Where(tokenizer.Knows)), tokenizer.Decode(
                ids[length..].Where(id => id != tokenizer.EosId && tokenizer.Knows(id)).Take(MaxNewTokens)).Trim(), answer.Trim()));
        }
        return samples;
    }

    /// <summary>Leading tokens without loss.</summary>
    private static int PromptLength(InstructionDataset rows, int row)
    {
        var labels = rows.Labels(row);
        var first = labels.IndexOfAnyExcept(InstructionDataset.NoLoss);
        return first < 0 ? labels.Length : first;
    }
}
