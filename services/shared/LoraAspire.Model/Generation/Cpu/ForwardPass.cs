using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Generation.Cpu.Loading;
using LoraAspire.Model.Generation.Cpu.Matrices;
using LoraAspire.Model.Generation.Cpu.Threads;
using LoraAspire.Model.Network.Families;

namespace LoraAspire.Model.Generation.Cpu;

/// <summary>
/// One pass through the network, which every member of the team walks: each does its share of a phase, and they meet before the next.
/// Products are shared out by outputs, everything else by rows or heads; who does what depends on the step's shape alone.
/// </summary>
internal sealed unsafe partial class ForwardPass(CpuNetwork network, Kernels kernels, WorkerTeam team, PagedCache cache, RotaryTable rope,
    PassMemory memory, StepRows step, int* tables, NativeBuffer[] scratch)
{
    private readonly Model.Network.ModelConfig _config = network.Config;
    private readonly float _epsilon = (float)network.Config.RmsNormEps;
    private readonly int _count = step.Rows.Length, _groups = network.Config.NumAttentionHeads / network.Config.NumKeyValueHeads;

    /// <summary>Bytes that a member needs for attention in such a step.</summary>
    public static long ScratchBytes(Model.Network.ModelConfig config, PagedCache cache, StepRows step)
    {
        long groups = config.NumAttentionHeads / config.NumKeyValueHeads, positions = step.Rows.Max(row => row.End);
        return sizeof(float) * (Math.Max(config.HeadDim, 16) + (groups * (positions + (2 * StepExecutor.BlockSize) + cache.PaddedDim)));
    }

    /// <param name="me">The member's number.</param>
    public void Run(int me)
    {
        var layers = network.Layers;
        ForRows(me, row => Embed(row, layers[0].InputNorm));
        team.Meet();
        for (var index = 0; index < layers.Count; index++)
        {
            var layer = layers[index];
            Multiply(me, memory.Normed, layer, (CpuLayer.Query, memory.Query), (CpuLayer.Key, memory.Key), (CpuLayer.Value, memory.Value));
            team.Meet();
            Remember(me, layer, index);
            team.Meet();
            Attend(me, index);
            team.Meet();
            Quantize(me, memory.Context);
            Multiply(me, memory.Context, layer, (CpuLayer.Output, memory.Y));
            team.Meet();
            ForRows(me, row => AddNormed(row, layer.AttentionOutputNorm, layer.MlpNorm));
            team.Meet();
            Multiply(me, memory.Normed, layer, (CpuLayer.Gate, memory.Gate), (CpuLayer.Up, memory.Up));
            Activate(me, layer);
            team.Meet();
            Quantize(me, memory.Gate);
            Multiply(me, memory.Gate, layer, (CpuLayer.Down, memory.Y));
            team.Meet();
            var next = index + 1 < layers.Count ? layers[index + 1].InputNorm : network.LastNorm;
            ForRows(me, row => AddNormed(row, layer.MlpOutputNorm, next));
            team.Meet();
        }
        Head(me);
    }

    private void Embed(int row, NativeBuffer norm)
    {
        var x = memory.X.Row(row);
        network.Embedding.Read(step.Rows[row].Id, x);
        if (_config.EmbeddingScale != 1)
        {
            kernels.Scale(x, (float)_config.EmbeddingScale, _config.HiddenSize);
        }
        Norm(row, norm);
    }

    /// <summary>x + y, y through its own norm where there is one, and what the next part takes of it.</summary>
    private void AddNormed(int row, NativeBuffer? outputNorm, NativeBuffer nextNorm)
    {
        float* x = memory.X.Row(row), y = memory.Y.Row(row);
        if (outputNorm is not null)
        {
            kernels.Norm(y, (float*)outputNorm.Address, y, _config.HiddenSize, _epsilon);
        }
        kernels.Add(x, y, _config.HiddenSize);
        Norm(row, nextNorm);
    }

    private void Norm(int row, NativeBuffer weight)
    {
        kernels.Norm(memory.X.Row(row), (float*)weight.Address, memory.Normed.Row(row), _config.HiddenSize, _epsilon);
        memory.Normed.Quantize(row);
    }

    /// <summary>Norms and turns queries and keys, and writes keys and values into the cache.</summary>
    private void Remember(int me, CpuLayer layer, int index)
    {
        var dim = _config.HeadDim;
        var heads = _config.NumKeyValueHeads;
        var (first, end) = Share(me, (long)_count * heads);
        for (var unit = first; unit < end; unit++)
        {
            int row = (int)(unit / heads), head = (int)(unit % heads), position = step.Rows[row].Position;
            var cos = rope.At(position, step.Rows[row].End, (float*)scratch[me].Address);
            float* key = memory.Key.Row(row) + (head * dim), query = memory.Query.Row(row) + (head * _groups * dim);
            Turn(key, layer.KeyNorm, cos);
            for (var i = 0; i < _groups; i++)
            {
                Turn(query + (i * dim), layer.QueryNorm, cos);
            }
            cache.Write(index, tables[step.Rows[row].Table + (position / StepExecutor.BlockSize)], position % StepExecutor.BlockSize, head,
                key, memory.Value.Row(row) + (head * dim));
        }
    }

    private void Turn(float* head, NativeBuffer? norm, float* cos)
    {
        if (norm is not null)
        {
            kernels.Norm(head, (float*)norm.Address, head, _config.HeadDim, _epsilon);
        }
        kernels.Rotate(head, cos, cos + (_config.HeadDim / 2), _config.HeadDim / 2);
    }

    private void Attend(int me, int index)
    {
        int dim = _config.HeadDim, heads = _config.NumKeyValueHeads;
        var scale = (float)(_config.AttentionScale ?? 1 / Math.Sqrt(dim));
        var window = _config.SlidingWindow[index] ?? int.MaxValue;
        var total = step.Rows.Sum(row => (long)Math.Min(row.Position, window) + StepExecutor.BlockSize) * heads;
        var (from, until) = (total * me / team.Size, total * (me + 1) / team.Size);
        long before = 0;
        for (var row = 0; row < _count && before < until; row++)
        {
            var position = step.Rows[row].Position;
            var cost = (long)Math.Min(position, window) + StepExecutor.BlockSize;
            for (var head = 0; head < heads; head++, before += cost)
            {
                // A head belongs to whoever has its beginning.
                if (before < from || before >= until)
                {
                    continue;
                }
                var sums = scratch[me].Address + (Math.Max(dim, 16) * sizeof(float));
                kernels.Attend(new Query((nint)(memory.Query.Row(row) + (head * _groups * dim)), _groups,
                    new(cache, index, head, (nint)(tables + step.Rows[row].Table)), Math.Max(0, position - window + 1), position, scale,
                    (float)(_config.ScoreCap ?? 0), new(sums + (_groups * cache.PaddedDim * sizeof(float)), sums),
                    (nint)(memory.Context.Row(row) + (head * _groups * dim))));
            }
        }
    }

    /// <summary>act(gate) · up, of the outputs that this member has just computed.</summary>
    private void Activate(int me, CpuLayer layer)
    {
        var (from, to) = layer.Linears[CpuLayer.Gate].Weight.Part(me, team.Size);
        var gelu = _config.HiddenAct == ActivationField.TanhForm;
        for (var row = 0; row < _count && from < to; row++)
        {
            kernels.Gate(memory.Gate.Row(row) + from, memory.Up.Row(row) + from, to - from, gelu);
        }
    }

    private void Quantize(int me, RowBuffer rows)
    {
        if (rows.IsQuantized)
        {
            ForRows(me, rows.Quantize);
            team.Meet();
        }
    }

    private void ForRows(int me, Action<int> work)
    {
        var (first, end) = Share(me, _count);
        for (var row = (int)first; row < end; row++)
        {
            work(row);
        }
    }

    private (long First, long End) Share(int me, long units) => (units * me / team.Size, units * (me + 1) / team.Size);
}
