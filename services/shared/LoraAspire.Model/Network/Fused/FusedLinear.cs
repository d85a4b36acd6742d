using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// Linear layers that read the same input (q|k|v, gate|up, or one alone) as a single product with their weights stacked, and their adapters.
/// The layers' own weights become views of the stack, so nothing is held twice.
/// </summary>
internal sealed class FusedLinear : IDisposable
{
    private readonly Kernels _kernels;
    private readonly Tensor _weight;      // [out, in], all layers one below the other
    private readonly Tensor _transposed;
    private readonly Tensor? _bias;
    private readonly List<Adapter> _adapters = [];
    private readonly Tensor? _down;       // [R, in]: every adapter's A, filled up to tiles
    private readonly Tensor? _downSums;   // [R, in] float32: gradient of the step

    /// <param name="Column">Of its output in the stack's.</param>
    /// <param name="Rank">Of its first row in the stacked A.</param>
    /// <param name="Up">[tiles·8, out]: Bᵀ.</param>
    /// <param name="UpSums">[tiles·8, out] float32: gradient of the step.</param>
    private sealed record Adapter(int Module, LoraPair Lora, long Column, long Out, int Rank, int Width, Tensor Up, Tensor UpSums);

    public FusedLinear(Kernels kernels, int firstModule, params IReadOnlyList<Linear> linears)
    {
        _kernels = kernels;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _weight = (linears.Count == 1 ? linears[0].Weight.alias() : cat([.. linears.Select(linear => linear.Weight)])).DetachFromDisposeScope();
        _transposed = _weight.t().DetachFromDisposeScope();
        _bias = linears[0].Bias is null ? null : cat([.. linears.Select(linear => linear.Bias!)]).DetachFromDisposeScope();
        long column = 0, rank = 0;
        foreach (var (index, linear) in linears.Index())
        {
            var width = linear.OutFeatures;
            if (linears.Count > 1)
            {
                linear.PointAt(_weight.narrow(0, column, width).DetachFromDisposeScope());
            }
            if (linear.Lora is { } lora)
            {
                var padded = (lora.A.size(0) + Tile.Width - 1) / Tile.Width * Tile.Width;
                _adapters.Add(new Adapter(firstModule + index, lora, column, width, (int)rank, (int)padded,
                    zeros([padded, width], _weight.dtype, _weight.device).DetachFromDisposeScope(), zeros([padded, width], float32, _weight.device).DetachFromDisposeScope()));
                rank += padded;
            }
            column += width;
        }
        if (rank > 0)
        {
            _down = zeros([rank, linears[0].InFeatures], _weight.dtype, _weight.device).DetachFromDisposeScope();
            _downSums = zeros([rank, linears[0].InFeatures], float32, _weight.device).DetachFromDisposeScope();
        }
    }

    public bool HasAdapters => _down is not null;

    /// <summary>Takes the adapters' present values and forgets the last step's gradients.</summary>
    public void BeginStep()
    {
        foreach (var adapter in _adapters)
        {
            var rank = adapter.Lora.A.size(0);
            _down!.narrow(0, adapter.Rank, rank).copy_(adapter.Lora.A);
            adapter.Up.narrow(0, 0, rank).copy_(adapter.Lora.B.t());
            adapter.UpSums.zero_();
        }
        _downSums?.zero_();
    }

    /// <summary>Adds the step's gradients to those of A and B.</summary>
    public void EndStep()
    {
        foreach (var adapter in _adapters)
        {
            var rank = adapter.Lora.A.size(0);
            adapter.Lora.A.grad!.add_(_downSums!.narrow(0, adapter.Rank, rank), Scalars.One);
            adapter.Lora.B.grad!.add_(adapter.UpSums.narrow(0, 0, rank).t(), Scalars.One);
        }
    }

    /// <summary>y [T, out] and, with adapters, low = scale · dropout(x)·Aᵀ [T, R] for the backward.</summary>
    /// <param name="seed">Of the micro-batch's dropout; null drops nothing.</param>
    public (Tensor Y, Tensor? Low) Forward(Tensor x, long? seed)
    {
        var y = _bias is null ? x.mm(_transposed) : addmm(_bias, x, _transposed, 1, 1);
        if (_down is null)
        {
            return (y, null);
        }
        var low = empty([x.size(0), _down.size(0)], x.dtype, x.device);
        _kernels.Project(x, _down, low, Tiles(seed));
        foreach (var adapter in _adapters)
        {
            using var part = y.narrow(1, adapter.Column, adapter.Out);
            using var own = low.narrow(1, adapter.Rank, adapter.Width);
            _kernels.Expand(part, own, adapter.Up);
        }
        return (y, low);
    }

    /// <summary>∂L/∂x, and the gradients of A and B on the side.</summary>
    /// <param name="x">The forward's input; null when there are no adapters.</param>
    public Tensor Backward(Tensor gradient, Tensor? x, Tensor? low, long? seed)
    {
        var inputGradient = gradient.mm(_weight);
        Adapt(gradient, x, low, seed, inputGradient);
        return inputGradient;
    }

    /// <summary>The gradients of A and B alone, where nobody asks for ∂L/∂x.</summary>
    public void BackwardAdapters(Tensor gradient, Tensor? x, Tensor? low, long? seed) => Adapt(gradient, x, low, seed, null);

    private void Adapt(Tensor gradient, Tensor? x, Tensor? low, long? seed, Tensor? inputGradient)
    {
        if (_down is null)
        {
            return;
        }
        using var scope = NewDisposeScope();
        var tiles = Tiles(seed);
        var lowGradient = empty([gradient.size(0), _down.size(0)], gradient.dtype, gradient.device);
        foreach (var adapter in _adapters)
        {
            var part = gradient.narrow(1, adapter.Column, adapter.Out);
            // The scale is in low for B, and in lowGradient for A and x; 1/(1−p) too: dropout(x) here is x with zeros.
            var own = tiles.AsSpan(adapter.Rank / Tile.Width, adapter.Width / Tile.Width).ToArray();
            var plain = own.Select(tile => tile with { Dropout = Dropout.None }).ToArray();
            _kernels.Project(part, adapter.Up, lowGradient.narrow(1, adapter.Rank, adapter.Width), plain);
            _kernels.Accumulate(part, low!.narrow(1, adapter.Rank, adapter.Width), adapter.UpSums, plain);
        }
        _kernels.Accumulate(x!, lowGradient, _downSums!, tiles, _down, inputGradient);
    }

    private Tile[] Tiles(long? seed) =>
        [.. _adapters.SelectMany(adapter =>
        {
            var dropout = seed is { } drawn ? Dropout.Of(drawn, adapter.Module, adapter.Lora.Dropout) : Dropout.None;
            return Enumerable.Repeat(new Tile((float)adapter.Lora.Scale * dropout.InverseKeep, dropout), adapter.Width / Tile.Width);
        })];

    public void Dispose()
    {
        _weight.Dispose();
        _transposed.Dispose();
        _bias?.Dispose();
        _down?.Dispose();
        _downSums?.Dispose();
        foreach (var adapter in _adapters)
        {
            adapter.Up.Dispose();
            adapter.UpSums.Dispose();
        }
    }
}
