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

/// <summary>What a model in training answers to held-out prompts, greedily. No random number is drawn, and no weight changes.</summary>
internal sealed class Samples
{
    private const int Count = 3;
    private const int MaxNewTokens = 48;
    /// <summary>
    /// Above it a CPU would take minutes for a few lines. Decided by size and not by the clock, since equal runs must give equal cards.
    /// </summary>
    private const long LargestOnCpu = 200_000_000;

    private readonly LlamaModel _model;
    private readonly string _baseFolder;
    private readonly PromptFormat? _format;
    private readonly IReadOnlyList<(int[] Prompt, int[] Answer)> _asked;

    private Samples(LlamaModel model, string baseFolder, PromptFormat? format, IReadOnlyList<(int[] Prompt, int[] Answer)> asked) =>
        (_model, _baseFolder, _format, _asked) = (model, baseFolder, format, asked);

    /// <param name="heldOut">Rows of the data set.</param>
    /// <param name="why">There is none.</param>
    public static Samples? Of(LlamaModel model, string baseFolder, PromptFormat? format, InstructionDataset rows,
        IReadOnlyList<int> heldOut, out string? why)
    {
        why = model.Device.type == DeviceType.CPU && model.WeightCount > LargestOnCpu
            ? $"on a CPU only models of up to {LargestOnCpu / 1_000_000}M weights are asked"
            // Only with the others would this device have all of it.
            : model.Shards is not null ? "the base is shared among devices"
            : !TokenizerFiles.Names.Any(name => File.Exists(Path.Combine(baseFolder, name))) ? "the base has no tokenizer"
            : null;
        if (why is not null)
        {
            return null;
        }
        List<(int[] Prompt, int[] Answer)> asked = [.. heldOut.Where(row => PromptLength(rows, row) is var length && length > 1
            && length < Math.Min(rows.Length(row), model.Config.MaxPositionEmbeddings)).Take(Count).Select(row =>
        {
            var ids = rows.InputIds(row).ToArray();
            var length = PromptLength(rows, row);
            return (ids[..length], ids[length..]);
        })];
        why = asked.Count > 0 ? null : "no held-out row has a prompt of its own, without loss, that fits the model";
        return asked.Count == 0 ? null : new(model, baseFolder, format, asked);
    }

    /// <summary>What it answers now.</summary>
    public IReadOnlyList<Sample> Ask(CancellationToken cancellationToken)
    {
        using var engine = LocalModel.Of(_model, _baseFolder, _format,
            _asked.Sum(row => row.Prompt.Length + MaxNewTokens + StepExecutor.BlockSize));
        var tokenizer = engine.Tokenizer;
        // Nothing here waits for anybody but the engine's own thread.
        var answers = engine.AnswersAsync([.. _asked.Select(row => row.Prompt)], GenerationOptions.Greedy(MaxNewTokens),
            cancellationToken: cancellationToken).GetAwaiter().GetResult();
        string Text(IEnumerable<int> ids) => tokenizer.Decode(ids.Where(tokenizer.Knows));
        return [.. _asked.Zip(answers, (row, answer) => new Sample(Text(row.Prompt),
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
