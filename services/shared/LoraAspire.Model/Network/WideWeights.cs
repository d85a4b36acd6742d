using LoraAspire.Model.Native;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network;

/// <summary>
/// The weights of one layer after the other as float32, in the same memory: pages that are touched the first time cost more than the
/// widening.
/// </summary>
internal sealed class WideWeights(WeightFiles files) : IDisposable
{
    private readonly Dictionary<string, Tensor> _memory = new(StringComparer.Ordinal);

    /// <summary>Good until the weight of that name of another layer is read.</summary>
    /// <exception cref="ModelException">No such tensor, or of another shape.</exception>
    public Tensor Read(string name, long[] shape)
    {
        if (files.Numbers(name, shape) is not { } numbers)
        {
            return files.Read(name, shape, float32, CPU);
        }
        // Of "model.layers.12.mlp.up_proj.weight" what all layers have.
        var place = string.Concat(name.Where(letter => !char.IsAsciiDigit(letter)));
        if (!_memory.TryGetValue(place, out var memory) || !memory.shape.SequenceEqual(shape))
        {
            memory?.Dispose();
            _memory[place] = memory = empty(shape, float32).DetachFromDisposeScope();
        }
        numbers.Fill(Aten.Data(memory), float32);
        return memory.alias();
    }

    /// <summary>Gives the memory back, for when the layers are done.</summary>
    public void Free()
    {
        TensorGroup.DisposeAll(_memory.Values);
        _memory.Clear();
    }

    public void Dispose() => Free();
}
