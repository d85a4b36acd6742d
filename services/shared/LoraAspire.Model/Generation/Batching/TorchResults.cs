using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using static TorchSharp.torch;

namespace LoraAspire.Model.Generation.Batching;

/// <summary>Logits of the rows that were wanted; the caller draws.</summary>
internal sealed class TorchResults(float[] logits, IReadOnlyList<SequenceSlice> slices, int vocabulary) : StepResults
{
    private readonly int[] _row = Rows(slices);

    public override int? Drawn(int slice) => null;

    public override Span<float> Logits(int slice) => logits.AsSpan(_row[slice] * vocabulary, vocabulary);

    /// <param name="x">[1, rows, hidden], what the last layer gives.</param>
    public static TorchResults Of(LlamaModel model, Tensor x, TorchRows rows)
    {
        if (rows.Wanted.Count == 0)
        {
            return new([], rows.Slices, model.Config.VocabSize);
        }
        var wanted = x.index_select(1, tensor(rows.Wanted.Select(row => (long)row).ToArray(), int64, model.Device));
        return new(Read(model.Logits(model.LastNorm.Forward(wanted))), rows.Slices, model.Config.VocabSize);
    }

    /// <summary>The numbers of a float32 tensor; waits for its device.</summary>
    public static unsafe float[] Read(Tensor tensor)
    {
        using var host = tensor.to(float32, CPU).contiguous();
        return new ReadOnlySpan<float>((float*)Aten.Data(host), checked((int)host.numel())).ToArray();
    }

    private static int[] Rows(IReadOnlyList<SequenceSlice> slices)
    {
        var next = 0;
        return [.. slices.Select(slice => slice.WantsLogits ? next++ : -1)];
    }
}
