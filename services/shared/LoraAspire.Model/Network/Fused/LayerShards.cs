using LoraAspire.Model.Devices;
using LoraAspire.Model.Network.Quantised;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>Neighbouring linear layers of one decoder layer, where they lie one below the other while that layer is whole.</summary>
/// <param name="Rows">[Σ out, in]</param>
/// <param name="Columns">[in, Σ out], for codes that products want both ways round.</param>
internal sealed record PlacedStack(Tensor Rows, Tensor? Columns);

/// <summary>
/// The layers' matrices, a share of each layer on each device. A layer is whole only while it is computed, in one of two places: while one
/// layer is computed, the next is gathered into the other. Of a quantised base the codes are shared; scales, embedding, head, norms and
/// biases are whole everywhere.
/// </summary>
public sealed class LayerShards : IDisposable
{
    private const int Places = 2;
    private const int Alignment = 64; // numbers: every share begins where wide loads may

    private readonly ICollective _collective;
    private readonly Tensor?[] _shares;                      // [layers] of [size / count]
    private readonly Tensor?[] _places = new Tensor?[Places]; // of [size]: layers of even and of odd number
    private readonly int[] _held = [-1, -1];
    private long[] _sizes = []; // numbers of each matrix

    internal LayerShards(int layers, ICollective collective) => (_collective, _shares) = (collective, new Tensor?[layers]);

    /// <summary>Bytes that stay on this device for the layers' matrices, the two whole ones included.</summary>
    public long Bytes => _shares.Concat(_places).Sum(tensor => (tensor?.numel() * tensor?.element_size()) ?? 0);

    public int Devices => _collective.Share.Count;

    /// <summary>
    /// Keeps this device's share of a layer that has just been read, and points its matrices at where they will lie when it is computed
    /// with. Layers come one after another.
    /// </summary>
    /// <exception cref="ModelException">It isn't held as the layers before it are.</exception>
    internal void Take(DecoderLayer layer)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Linear[] linears = [.. layer.Linears];
        var place = Place(layer.Index, linears);
        long start = 0;
        foreach (var linear in linears)
        {
            var there = place.narrow(0, start, linear.Codes.numel()).view(linear.Codes.shape);
            there.copy_(linear.Codes);
            linear.MoveTo(there.DetachFromDisposeScope());
            start += there.numel();
        }
        foreach (var (first, count) in FusedLayer.Stacks)
        {
            if (Stack(layer.Index, first, linears[first..(first + count)]) is { Columns: { } columns, Rows: var rows })
            {
                columns.copy_(rows.t());
            }
        }
        var (rank, devices) = _collective.Share;
        var length = place.numel() / devices;
        var share = empty([length], place.dtype, place.device).DetachFromDisposeScope();
        share.copy_(place.narrow(0, rank * length, length));
        _shares[layer.Index] = share;
    }

    /// <summary>Where these linear layers lie when their layer is whole; null where each is read by itself.</summary>
    /// <param name="first">Which of the layer's the first one is.</param>
    internal PlacedStack? Stack(int layer, int first, IReadOnlyList<Linear> linears)
    {
        if (linears.Any(linear => linear.Quantised is PackedWeight))
        {
            return null;
        }
        using var scope = NewDisposeScope();
        var place = _places[layer % Places]!;
        long start = _sizes[..first].Sum(), count = _sizes[first..(first + linears.Count)].Sum(), width = linears[0].InFeatures;
        var columns = linears[0].Quantised is Fp8Weight ? place.narrow(0, _sizes.Sum() + start, count).view(width, count / width) : null;
        return new(place.narrow(0, start, count).view(count / width, width).MoveToOuterDisposeScope(), columns?.MoveToOuterDisposeScope());
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
            _collective.BeginGather(_shares[layer]!, _places[place]!);
            _held[place] = layer;
        }
    }

    private Tensor Place(int layer, Linear[] linears)
    {
        long[] sizes = [.. linears.Select(linear => linear.Codes.numel())];
        var (type, device) = (linears[0].Codes.dtype, linears[0].Device);
        if (layer == 0)
        {
            _sizes = sizes;
            // Products in e4m3 want the codes both ways round.
            var size = sizes.Sum() * (linears[0].Quantised is Fp8Weight ? 2 : 1);
            var unit = (long)Alignment * _collective.Share.Count;
            for (var i = 0; i < Places; i++)
            {
                _places[i] = empty([(size + unit - 1) / unit * unit], type, device).DetachFromDisposeScope();
            }
        }
        var place = _places[layer % Places]!;
        return sizes.SequenceEqual(_sizes) && linears.All(linear => linear.Codes.dtype == place.dtype) ? place
            : throw new ModelException($"Layer {layer} isn't held as the first one is: a base that is quantised in part can't be shared "
                + "among devices. Set shard_base: false, or quantise it whole.");
    }

    public void Dispose()
    {
        foreach (var tensor in _shares.Concat(_places))
        {
            tensor?.Dispose();
        }
    }
}
