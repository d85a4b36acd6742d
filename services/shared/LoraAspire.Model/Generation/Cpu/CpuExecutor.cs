using LoraAspire.Model.Adapters;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Generation.Cpu.Loading;
using LoraAspire.Model.Generation.Cpu.Threads;
using LoraAspire.Model.Network;

namespace LoraAspire.Model.Generation.Cpu;

/// <summary>
/// Steps on the processor without libtorch: a pass written by hand, on threads of its own. A row's result is the same bit for bit whatever
/// else is in the step.
/// </summary>
public sealed partial class CpuExecutor : StepExecutor
{
    private readonly CpuNetwork _network;
    private readonly MatrixMaker _maker;
    private readonly Kernels _kernels;
    private readonly CpuOptions _options;
    private readonly WorkerTeam _team;
    private readonly PagedCache _cache;
    private readonly RotaryTable _rope;
    private readonly CpuAdapter? _attached;
    private readonly Dictionary<int, CpuAdapter> _adapters = [];
    private readonly NativeBuffer[] _scratch;
    private PassMemory _memory;
    private int _nextAdapter;

    private CpuExecutor(CpuNetwork network, MatrixMaker maker, Kernels kernels, CpuOptions options, CpuAdapter? attached)
    {
        (_network, _maker, _kernels, _options, _attached) = (network, maker, kernels, options, attached);
        var perBlock = PagedCache.BytesPerBlock(network.Config);
        _cache = new PagedCache(network.Config, (int)Math.Clamp(options.CacheBytes / perBlock, 1, int.MaxValue));
        _rope = new RotaryTable(network.Config);
        _team = new WorkerTeam(options.Threads);
        _scratch = [.. Enumerable.Range(0, _team.Size).Select(_ => new NativeBuffer(1))];
        _memory = Memory(1, 1, 0);
    }

    public override ModelConfig Config => _network.Config;

    public override string Description => $"cpu {_options.Weights.ToString().ToLowerInvariant()}, {_team.Size} threads";

    public override int Blocks => _cache.Blocks;

    public override int MostSequences => _options.MostSequences;

    public override int MostTokens => _options.MostTokens;

    public override StepResults Run(IReadOnlyList<SequenceSlice> slices)
    {
        var step = StepRows.Of(slices, Config, Blocks, MostSequences, MostTokens, AdapterOf);
        Run(step, _cache);
        return new CpuResults(_memory.Logits, step.Wanted);
    }

    public override int AddAdapter(Adapter adapter)
    {
        AdapterRefusal.RequireBeside(adapter);
        if (_attached is not null)
        {
            throw new ModelException("The model has an adapter attached already; another can't run beside it.");
        }
        _adapters[_nextAdapter] = new CpuAdapter(_network, _maker, adapter.Layers);
        return _nextAdapter++;
    }

    public override void RemoveAdapter(int adapter)
    {
        if (_adapters.Remove(adapter, out var removed))
        {
            removed.Dispose();
        }
    }

    public override float[] MeanHidden(IReadOnlyList<int> ids)
    {
        RequireText(ids, Config.Context);
        var blocks = (ids.Count + BlockSize - 1) / BlockSize;
        using var cache = new PagedCache(Config, blocks);
        int[] table = [.. Enumerable.Range(0, blocks)], all = [.. ids];
        var sums = new double[Config.HiddenSize];
        for (var start = 0; start < all.Length; start += MostTokens)
        {
            var slice = new SequenceSlice(all.AsMemory(start, Math.Min(MostTokens, all.Length - start)), start, table, WantsLogits: false);
            var step = StepRows.Of([slice], Config, blocks, 1, MostTokens, AdapterOf);
            Run(step, cache);
            for (var row = 0; row < step.Rows.Length; row++)
            {
                foreach (var (i, value) in _memory.Normed.Span(row).ToArray().Index())
                {
                    sums[i] += value;
                }
            }
        }
        return [.. sums.Select(sum => (float)(sum / all.Length))];
    }

    private unsafe void Run(StepRows step, PagedCache cache)
    {
        _rope.Reach(step.Rows.Max(row => row.End));
        MakeRoom(step, ForwardPass.ScratchBytes(Config, cache, step));
        fixed (int* tables = step.Tables)
        {
            var pass = new ForwardPass(_network, _kernels, _team, cache, _rope, _memory, step, tables, _scratch);
            _team.Run(pass.Run);
        }
    }

    private CpuAdapter? AdapterOf(int index) => index == -1 ? _attached
        : _adapters.TryGetValue(index, out var adapter) ? adapter
        : throw new ArgumentException($"There is no adapter {index}.");

    /// <summary>Room for as many rows as a step has had, and no more: most steps are small.</summary>
    private void MakeRoom(StepRows step, long scratchBytes)
    {
        var low = step.Runs.Select(run => run.Adapter.Width).DefaultIfEmpty(0).Max();
        if (step.Rows.Length > _memory.RowCount || step.Last.Length > _memory.LastCount || low > _memory.LowWidth)
        {
            var rows = Grown(step.Rows.Length, _memory.RowCount, MostTokens);
            var last = Grown(step.Last.Length, _memory.LastCount, MostSequences);
            // Made before the old one goes: where there is no room, the executor stays as it was.
            var memory = Memory(rows, last, Math.Max(low, _memory.LowWidth));
            _memory.Dispose();
            _memory = memory;
        }
        for (var i = 0; i < _scratch.Length; i++)
        {
            if (_scratch[i].Bytes < scratchBytes)
            {
                NativeBuffer scratch = new(scratchBytes + (scratchBytes / 2), cleared: false);
                _scratch[i].Dispose();
                _scratch[i] = scratch;
            }
        }
    }

    private PassMemory Memory(int rows, int last, int low) => new(Config, rows, last, low, _options.Weights == CpuWeights.Q8_0);

    private static int Grown(int needed, int there, int most) => needed <= there ? there : Math.Min(most, Math.Max(needed, 2 * there));

    public override void Dispose()
    {
        _team.Dispose();
        _memory.Dispose();
        _cache.Dispose();
        _rope.Dispose();
        Array.ForEach(_scratch, buffer => buffer.Dispose());
        foreach (var adapter in _adapters.Values)
        {
            adapter.Dispose();
        }
        _attached?.Dispose();
        _network.Dispose();
    }
}
