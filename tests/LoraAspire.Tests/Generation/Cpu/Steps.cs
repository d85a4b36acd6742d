using LoraAspire.Model.Generation.Batching;

namespace LoraAspire.Tests.Generation.Cpu;

/// <summary>A sequence that a test feeds to an executor, in blocks of its own.</summary>
internal sealed class Sequence
{
    private readonly int[] _blocks;
    private readonly int _adapter;

    /// <param name="blocks">Not in order, so that a table that is read wrong shows.</param>
    public Sequence(IEnumerable<int> ids, int[] blocks, int adapter = -1) => (Ids, _blocks, _adapter) = ([.. ids], blocks, adapter);

    public List<int> Ids { get; }

    /// <summary>Positions that are in the cache.</summary>
    public int Length { get; private set; }

    /// <summary>The next tokens, all that are there where none is said.</summary>
    public SequenceSlice Next(int? count = null)
    {
        var slice = new SequenceSlice(Ids.Skip(Length).Take(count ?? Ids.Count).ToArray(), Length, _blocks, true, _adapter);
        Length += slice.Ids.Length;
        return slice;
    }
}

internal static class Steps
{
    /// <summary>Blocks for so many sequences of a length, dealt out backwards and in turn.</summary>
    public static int[][] Blocks(int sequences, int length)
    {
        var each = (length + StepExecutor.BlockSize - 1) / StepExecutor.BlockSize;
        return [.. Enumerable.Range(0, sequences)
            .Select(one => Enumerable.Range(0, each).Select(i => ((each - 1 - i) * sequences) + one).ToArray())];
    }

    /// <summary>The logits of a sequence's last token, after feeding it in pieces of so many.</summary>
    public static float[] Logits(StepExecutor executor, IEnumerable<int> ids, int piece = int.MaxValue, int adapter = -1) =>
        EveryLogits(executor, ids, piece, adapter)[^1];

    /// <summary>The logits of each piece's last token.</summary>
    public static List<float[]> EveryLogits(StepExecutor executor, IEnumerable<int> ids, int piece = 1, int adapter = -1)
    {
        int[] all = [.. ids];
        var sequence = new Sequence(all, Blocks(1, all.Length)[0], adapter);
        List<float[]> logits = [];
        while (sequence.Length < all.Length)
        {
            logits.Add(executor.Run([sequence.Next(Math.Min(piece, all.Length))]).Logits(0).ToArray());
        }
        return logits;
    }

    /// <summary>Greedy texts of all prompts at once; each joins at another step.</summary>
    public static int[][] Greedy(StepExecutor executor, int[][] prompts, int tokens)
    {
        var blocks = Blocks(prompts.Length, prompts.Max(prompt => prompt.Length) + tokens);
        Sequence[] sequences = [.. prompts.Select((prompt, i) => new Sequence(prompt, blocks[i]))];
        for (var step = 0; ; step++)
        {
            Sequence[] running = [.. sequences.Where((one, i) => i <= step && one.Ids.Count < prompts[i].Length + tokens)];
            if (running.Length == 0)
            {
                return [.. sequences.Select((one, i) => one.Ids.Skip(prompts[i].Length).ToArray())];
            }
            var results = executor.Run([.. running.Select(one => one.Next())]);
            for (var i = 0; i < running.Length; i++)
            {
                var logits = results.Logits(i);
                running[i].Ids.Add(logits.IndexOf(System.Numerics.Tensors.TensorPrimitives.Max(logits)));
            }
        }
    }

    public static double Difference(IEnumerable<float> a, IEnumerable<float> b) =>
        a.Zip(b).Max(pair => Math.Abs((double)pair.First - pair.Second));
}
