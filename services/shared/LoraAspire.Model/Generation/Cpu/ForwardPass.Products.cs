using LoraAspire.Model.Generation.Cpu.Loading;
using LoraAspire.Model.Generation.Cpu.Matrices;

namespace LoraAspire.Model.Generation.Cpu;

/// <summary>Linear layers and what adapters add to them.</summary>
internal sealed unsafe partial class ForwardPass
{
    /// <summary>Layers that have the same input.</summary>
    private void Multiply(int me, RowBuffer x, CpuLayer layer, params ReadOnlySpan<(int Linear, RowBuffer To)> products)
    {
        if (step.Runs.Length > 0)
        {
            for (var i = 0; i < products.Length; i++)
            {
                Narrow(me, x, layer.Linears[products[i].Linear].Name, memory.Low[i]);
            }
            team.Meet();
        }
        for (var i = 0; i < products.Length; i++)
        {
            var linear = layer.Linears[products[i].Linear];
            var (from, to) = linear.Weight.Part(me, team.Size);
            var target = products[i].To.Target;
            if (from < to)
            {
                linear.Weight.Multiply(x, 0, _count, from, to, target with { Bias = linear.Bias?.Address ?? 0 });
                Widen(i, linear.Name, from, to, target);
            }
        }
    }

    /// <summary>x·Aᵀ of the rows that have an adapter at this layer.</summary>
    private void Narrow(int me, RowBuffer x, string linear, RowBuffer low)
    {
        foreach (var run in step.Runs)
        {
            if (run.Adapter.At(linear) is { } part && part.A.Part(me, team.Size) is var (from, to) && from < to)
            {
                part.A.Multiply(x, run.First, run.Count, from, to, low.Target);
            }
        }
    }

    /// <summary>Adds scale · (x·Aᵀ)·Bᵀ.</summary>
    private void Widen(int low, string linear, int from, int to, Target target)
    {
        foreach (var run in step.Runs)
        {
            if (run.Adapter.At(linear) is { Scale: not 0 } part)
            {
                part.B.Multiply(memory.Low[low], run.First, run.Count, from, to, target with { Scale = part.Scale });
            }
        }
    }

    /// <summary>Logits of the rows that they are wanted of.</summary>
    private void Head(int me)
    {
        var last = step.Last;
        var (first, end) = Share(me, last.Length);
        for (var i = (int)first; i < end; i++)
        {
            memory.Normed.Span(last[i]).CopyTo(memory.Last.Span(i));
            memory.Last.Quantize(i);
        }
        team.Meet();
        var (from, to) = network.Head.Part(me, team.Size);
        if (last.Length == 0)
        {
            return;
        }
        network.Head.Multiply(memory.Last, 0, last.Length, from, to, memory.Logits.Target);
        for (var i = 0; i < last.Length; i++)
        {
            AddToHead(i, from, to);
            if (_config.LogitCap is { } cap)
            {
                kernels.Cap(memory.Logits.Row(i) + from, (float)cap, to - from);
            }
        }
    }

    private void AddToHead(int row, int from, int to)
    {
        foreach (var run in step.Runs)
        {
            if (step.Last[row] >= run.First && step.Last[row] < run.First + run.Count && run.Adapter.AtHead is { Scale: not 0 } part)
            {
                // Each member for itself: a few rows, and no one has to wait.
                using var low = new RowBuffer(1, part.A.Outputs);
                part.A.Multiply(memory.Last, row, 1, 0, part.A.Outputs, low.Target.From(-row));
                var target = memory.Logits.Target.From(row) with { Scale = part.Scale };
                part.B.Multiply(low, 0, 1, from, to, target);
            }
        }
    }
}
