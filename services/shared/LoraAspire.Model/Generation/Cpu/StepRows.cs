using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Network;

namespace LoraAspire.Model.Generation.Cpu;

/// <summary>One token of a step.</summary>
/// <param name="End">Length of its sequence after the step.</param>
/// <param name="Table">Where in <see cref="StepRows.Tables"/> the sequence's block table begins.</param>
internal readonly record struct StepRow(int Id, int Position, int End, int Table);

/// <summary>Neighbouring rows with the same adapter.</summary>
internal readonly record struct AdapterRun(CpuAdapter Adapter, int First, int Count);

/// <summary>The tokens of all slices of a step, one below the other; those with the same adapter stand together.</summary>
/// <param name="Wanted">Per slice: the row whose logits are wanted, or −1.</param>
internal sealed record StepRows(StepRow[] Rows, int[] Tables, AdapterRun[] Runs, int[] Wanted)
{
    /// <summary>Rows whose logits are wanted, in the order of the slices.</summary>
    public int[] Last { get; } = [.. Wanted.Where(row => row >= 0)];

    /// <exception cref="ArgumentException">A slice that no engine makes.</exception>
    public static StepRows Of(IReadOnlyList<SequenceSlice> slices, ModelConfig config, int blocks, int mostSequences, int mostTokens,
        Func<int, CpuAdapter?> adapter)
    {
        Require(slices.Count >= 1 && slices.Count <= mostSequences, $"A step takes 1 to {mostSequences} slices, not {slices.Count}.");
        var tokens = slices.Sum(slice => (long)slice.Ids.Length);
        Require(tokens <= mostTokens, $"A step takes {mostTokens} tokens at most, not {tokens}.");
        List<StepRow> rows = [];
        List<int> tables = [];
        List<AdapterRun> runs = [];
        var wanted = new int[slices.Count];
        foreach (var (index, slice) in slices.Index().OrderBy(item => item.Item.Adapter))
        {
            var end = (long)slice.Start + slice.Ids.Length;
            Require(slice.Ids.Length > 0, "A slice has no token.");
            Require(slice.Start >= 0 && end <= config.Context,
                $"Positions {slice.Start} to {end} are outside the context of {config.Context}.");
            var used = (int)((end + StepExecutor.BlockSize - 1) / StepExecutor.BlockSize);
            Require(slice.Blocks.Length >= used, $"{slice.Blocks.Length} blocks don't cover {end} positions.");
            if (adapter(slice.Adapter) is { } own)
            {
                runs.Add(new AdapterRun(own, rows.Count, slice.Ids.Length));
            }
            var position = slice.Start;
            foreach (var id in slice.Ids.Span)
            {
                Require(id >= 0 && id < config.VocabSize, $"There is no token {id}; the vocabulary has {config.VocabSize}.");
                rows.Add(new StepRow(id, position++, (int)end, tables.Count));
            }
            foreach (var block in slice.Blocks.Span[..used])
            {
                Require(block >= 0 && block < blocks, $"There is no block {block}; the cache has {blocks}.");
                tables.Add(block);
            }
            wanted[index] = slice.WantsLogits ? rows.Count - 1 : -1;
        }
        return new([.. rows], [.. tables], Joined(runs), wanted);
    }

    private static AdapterRun[] Joined(List<AdapterRun> runs)
    {
        List<AdapterRun> joined = [];
        foreach (var run in runs)
        {
            if (joined.Count > 0 && joined[^1] is var last && ReferenceEquals(last.Adapter, run.Adapter)
                && last.First + last.Count == run.First)
            {
                joined[^1] = last with { Count = last.Count + run.Count };
            }
            else
            {
                joined.Add(run);
            }
        }
        return [.. joined];
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new ArgumentException(otherwise);
        }
    }
}
