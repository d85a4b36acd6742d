using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Generation.Batching;

/// <summary>
/// A device whose "network" is a hash: a token's logits depend on every id before it, as they lie in the blocks of its table. A block that
/// was handed out twice, found by mistake or not computed again gives another text.
/// </summary>
internal sealed class LedgerExecutor(int blocks, int mostSequences = 256) : StepExecutor
{
    private static readonly ModelConfig s_config = ModelConfig.Load(GoldenFolder.Pebble);

    private readonly int[] _cache = [.. Enumerable.Repeat(-1, blocks * BlockSize)];
    private int _adapters;

    /// <summary>What each step had to compute, oldest first.</summary>
    public List<IReadOnlyList<SequenceSlice>> Steps { get; } = [];

    /// <summary>Called before a step with its number from 0.</summary>
    public Action<int> Before { get; init; } = _ => { };

    /// <summary>Draws itself where it is told how.</summary>
    public bool Draws { get; init; }

    public bool IsDisposed { get; private set; }

    public override ModelConfig Config => s_config;
    public override string Description => "ledger";
    public override int Blocks => blocks;
    public override int MostSequences => mostSequences;
    public override int MostTokens => 4096;

    public override StepResults Run(IReadOnlyList<SequenceSlice> slices)
    {
        Steps.Add(slices);
        Before(Steps.Count - 1);
        Results results = new(Draws);
        foreach (var slice in slices)
        {
            for (var i = 0; i < slice.Ids.Length; i++)
            {
                _cache[Slot(slice, slice.Start + i)] = Entry(slice.Ids.Span[i], slice.Adapter);
            }
            var text = Enumerable.Range(0, slice.Start + slice.Ids.Length).Select(position => _cache[Slot(slice, position)]);
            results.Add(slice, slice.WantsLogits ? Logits(text) : []);
        }
        return results;
    }

    /// <summary>Greedy continuation, computed without any cache.</summary>
    public static int[] Expected(IReadOnlyList<int> prompt, int count, int adapter = -1)
    {
        List<int> ids = [.. prompt];
        for (var i = 0; i < count; i++)
        {
            var logits = Logits(ids.Select(id => Entry(id, adapter)));
            ids.Add(Array.IndexOf(logits, logits.Max()));
        }
        return [.. ids.Skip(prompt.Count)];
    }

    public override int AddAdapter(Adapter adapter) => _adapters++;

    /// <summary>Where the device has failed for good, nothing can be freed.</summary>
    public bool IsLost { get; init; }

    public override void RemoveAdapter(int adapter) => RequireDevice();

    public override float[] MeanHidden(IReadOnlyList<int> ids) => [ids.Sum()];

    public override void Dispose()
    {
        IsDisposed = true;
        RequireDevice();
    }

    private void RequireDevice()
    {
        if (IsLost)
        {
            throw new ModelException("The device is gone.");
        }
    }

    private static int Entry(int id, int adapter) => (id * 8) + adapter + 1;

    private static int Slot(SequenceSlice slice, int position) =>
        (slice.Blocks.Span[position / BlockSize] * BlockSize) + (position % BlockSize);

    private static float[] Logits(IEnumerable<int> text)
    {
        var hash = text.Aggregate(17u, (hash, entry) => (hash ^ (uint)entry) * 16777619u);
        // Ids from 300 on are whole pieces of text.
        return [.. Enumerable.Range(0, s_config.VocabSize)
            .Select(id => id < 300 ? -9f : (((hash + (uint)id) * 2654435761u) >> 16) / 16384f)];
    }

    private sealed class Results(bool draws) : StepResults
    {
        private readonly List<(SequenceSlice Slice, float[] Logits)> _all = [];

        public void Add(SequenceSlice slice, float[] logits) => _all.Add((slice, logits));

        public override int? Drawn(int slice) =>
            draws && _all[slice].Slice.Draw is not null ? Array.IndexOf(_all[slice].Logits, _all[slice].Logits.Max()) : null;

        public override Span<float> Logits(int slice) => _all[slice].Logits;
    }
}
