using LoraAspire.Model.Generation.Cpu.Matrices;
using LoraAspire.Model.Network;

namespace LoraAspire.Model.Generation.Cpu;

/// <summary>What a pass writes on its way, for so many rows; it is used again by the next step.</summary>
internal sealed class PassMemory : IDisposable
{
    public PassMemory(ModelConfig config, int rows, int lastRows, int lowWidth, bool quantized)
    {
        int hidden = config.HiddenSize, width = config.NumAttentionHeads * config.HeadDim;
        var kvWidth = config.NumKeyValueHeads * config.HeadDim;
        (RowCount, LastCount, LowWidth) = (rows, lastRows, lowWidth);
        X = new(rows, hidden);
        Y = new(rows, hidden);
        Normed = new(rows, hidden, quantized);
        Query = new(rows, width);
        Key = new(rows, kvWidth);
        Value = new(rows, kvWidth);
        Context = new(rows, width, quantized);
        Gate = new(rows, config.IntermediateSize, quantized);
        Up = new(rows, config.IntermediateSize);
        Last = new(lastRows, hidden, quantized);
        Logits = new(lastRows, config.VocabSize);
        Low = lowWidth == 0 ? [] : [.. Enumerable.Range(0, 3).Select(_ => new RowBuffer(rows, lowWidth))];
    }

    public int RowCount { get; }
    public int LastCount { get; }
    public int LowWidth { get; }

    /// <summary>[rows, hidden]: what runs through the layers.</summary>
    public RowBuffer X { get; }

    /// <summary>What attention or MLP adds to it.</summary>
    public RowBuffer Y { get; }
    public RowBuffer Normed { get; }
    public RowBuffer Query { get; }
    public RowBuffer Key { get; }
    public RowBuffer Value { get; }
    public RowBuffer Context { get; }
    public RowBuffer Gate { get; }
    public RowBuffer Up { get; }

    /// <summary>Rows whose logits are wanted.</summary>
    public RowBuffer Last { get; }
    public RowBuffer Logits { get; }

    /// <summary>x·Aᵀ of up to three layers that have the same input.</summary>
    public IReadOnlyList<RowBuffer> Low { get; }

    public void Dispose()
    {
        foreach (var rows in new[] { X, Y, Normed, Query, Key, Value, Context, Gate, Up, Last, Logits }.Concat(Low))
        {
            rows.Dispose();
        }
    }
}
