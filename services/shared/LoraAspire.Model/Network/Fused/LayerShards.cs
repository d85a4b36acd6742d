using LoraAspire.Model.Devices;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// The layers' matrices, a share of each layer on each device. A layer is whole only while it is computed, in one of two places: while one
/// layer is computed, the next is gathered into the other. Embedding, head, norms and biases are whole everywhere.
/// </summary>
public sealed class LayerShards : IDisposable
{
    private const string Prefix = "model.layers.";
    private const int Places = 2;
    private const int Alignment = 64; // elements: every share begins where wide loads may

    private readonly ICollective _collective;
    private readonly (string Name, long Out, long In)[] _matrices;
    private readonly Tensor[] _shares;  // [layers] of [size / count]
    private readonly Tensor[] _places;  // [2] of [size]: layers of even and of odd number
    private readonly int[] _held = [-1, -1];

    internal LayerShards(ModelConfig config, torch.Device device, ScalarType dtype, ICollective collective)
    {
        _collective = collective;
        long hidden = config.HiddenSize, width = (long)config.NumAttentionHeads * config.HeadDim, kvWidth =
            (long)config.NumKeyValueHeads * config.HeadDim, inner = config.IntermediateSize;
        // As FusedLayer stacks them.
        _matrices = [("self_attn.q_proj", width, hidden), ("self_attn.k_proj", kvWidth, hidden), ("self_attn.v_proj", kvWidth, hidden),
            ("self_attn.o_proj", hidden, width), ("mlp.gate_proj", inner, hidden), ("mlp.up_proj", inner, hidden),
            ("mlp.down_proj", hidden, inner)];
        var unit = (long)Alignment * collective.Share.Count;
        var size = (_matrices.Sum(matrix => matrix.Out * matrix.In) + unit - 1) / unit * unit;
        _places = [.. Enumerable.Range(0, Places).Select(_ => zeros([size], dtype, device).DetachFromDisposeScope())];
        _shares = new Tensor[config.NumHiddenLayers];
    }

    /// <summary>Bytes of weights that stay on this device for the layers, the two whole ones included.</summary>
    public long Bytes => _shares.Concat(_places).Sum(tensor => tensor.numel() * tensor.element_size());

    public int Devices => _collective.Share.Count;

    /// <summary>Whether a weight of this name is one of them.</summary>
    internal bool Has(string name) => Find(name) is not null;

    /// <summary>
    /// Takes a layer's matrix, keeps this device's share of the layer once it has come whole, and gives where it will lie when it is
    /// computed with. Layers come one after another.
    /// </summary>
    internal Tensor Take(string name, Tensor matrix)
    {
        using var scope = NewDisposeScope();
        var (layer, index) = Find(name)!.Value;
        var view = Place(layer, index, 1);
        view.copy_(matrix);
        if (index == _matrices.Length - 1)
        {
            var (rank, count) = _collective.Share;
            var place = _places[layer % Places];
            var length = place.numel() / count;
            _shares[layer] = place.narrow(0, rank * length, length).clone().DetachFromDisposeScope();
        }
        return view.MoveToOuterDisposeScope();
    }

    /// <summary>Neighbouring matrices of a layer one below the other [Σ out, in], where they lie when the layer is whole.</summary>
    internal Tensor Place(int layer, int first, int count)
    {
        using var scope = NewDisposeScope();
        var start = _matrices[..first].Sum(matrix => matrix.Out * matrix.In);
        var rows = _matrices[first..(first + count)].Sum(matrix => matrix.Out);
        return _places[layer % Places].narrow(0, start, rows * _matrices[first].In).view(rows, _matrices[first].In)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Has a layer whole, and begins with the one that follows.</summary>
    /// <param name="next">Null where none does.</param>
    internal void Enter(int layer, int? next)
    {
        Begin(layer);
        _collective.EndGather();
        if (next is { } following)
        {
            Begin(following);
        }
    }

    private void Begin(int layer)
    {
        var place = layer % Places;
        if (_held[place] != layer)
        {
            _collective.BeginGather(_shares[layer], _places[place]);
            _held[place] = layer;
        }
    }

    private (int Layer, int Index)? Find(string name)
    {
        if (!name.StartsWith(Prefix, StringComparison.Ordinal) || !name.EndsWith(".weight", StringComparison.Ordinal))
        {
            return null;
        }
        var dot = name.IndexOf('.', Prefix.Length);
        var index = Array.FindIndex(_matrices, matrix => name.AsSpan()[(dot + 1)..^".weight".Length].SequenceEqual(matrix.Name));
        return index < 0 ? null : (int.Parse(name.AsSpan()[Prefix.Length..dot], System.Globalization.CultureInfo.InvariantCulture), index);
    }

    public void Dispose()
    {
        foreach (var tensor in _shares.Concat(_places))
        {
            tensor?.Dispose();
        }
    }
}
