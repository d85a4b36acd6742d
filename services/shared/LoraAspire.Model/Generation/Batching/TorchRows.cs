using LoraAspire.Model.Network;
using static TorchSharp.torch;

namespace LoraAspire.Model.Generation.Batching;

/// <summary>The tokens of a step as rows, the slices' one behind the other. All tensors are the disposal scope's.</summary>
/// <param name="Ids">[1, rows] int64</param>
/// <param name="Cos">[rows, head_dim], each row's by its position; as <paramref name="Sin"/>.</param>
/// <param name="Slots">[rows] int64: where in the cache each goes.</param>
/// <param name="ByAdapter">The rows [n] int64 of each adapter that has some.</param>
/// <param name="Wanted">The rows whose logits are wanted, in the slices' order.</param>
internal sealed record TorchRows(Tensor Ids, Tensor Cos, Tensor Sin, Tensor Slots, IReadOnlyList<TorchPart> Parts,
    IReadOnlyList<(int Adapter, Tensor Rows)> ByAdapter, IReadOnlyList<int> Wanted, IReadOnlyList<SequenceSlice> Slices)
{
    public static TorchRows Of(IReadOnlyList<SequenceSlice> slices, LlamaModel model)
    {
        List<long> ids = [], slots = [];
        List<int> wanted = [];
        List<TorchPart> parts = [];
        List<Tensor> cos = [], sin = [];
        Dictionary<int, List<long>> adapters = [];
        Tensor Whole(IEnumerable<long> numbers) => tensor(numbers.ToArray(), int64, model.Device);
        foreach (var slice in slices)
        {
            var (first, count) = (ids.Count, slice.Ids.Length);
            var all = Enumerable.Range(0, slice.Start + count).Select(position =>
                ((long)slice.Blocks.Span[position / StepExecutor.BlockSize] * StepExecutor.BlockSize) + (position % StepExecutor.BlockSize))
                .ToArray();
            ids.AddRange(slice.Ids.ToArray().Select(id => (long)id));
            slots.AddRange(all.AsSpan(slice.Start));
            var (turn, across) = model.Rope.At(slice.Start, count, model.Dtype);
            cos.Add(turn);
            sin.Add(across);
            parts.Add(new(first, count, Whole(all), AttentionMasks.Of(model.Config, slice.Start, count, model.Device)));
            if (slice.Adapter >= 0)
            {
                adapters.TryAdd(slice.Adapter, []);
                adapters[slice.Adapter].AddRange(Enumerable.Range(first, count).Select(row => (long)row));
            }
            if (slice.WantsLogits)
            {
                wanted.Add(ids.Count - 1);
            }
        }
        return new(Whole(ids).unsqueeze(0), cat(cos, 0), cat(sin, 0), Whole(slots), parts,
            [.. adapters.Select(adapter => (adapter.Key, Whole(adapter.Value)))], wanted, slices);
    }
}

/// <summary>One slice's rows.</summary>
/// <param name="Row">The first of them.</param>
/// <param name="Slots">[positions] int64: where all positions of its sequence up to its last row lie.</param>
/// <param name="Masks">By window, 0 for none; see <see cref="AttentionMasks.Of"/>.</param>
internal sealed record TorchPart(int Row, int Count, Tensor Slots, IReadOnlyDictionary<int, Tensor?> Masks)
{
    public Tensor? Mask(int? window) => Masks[window ?? 0];
}
