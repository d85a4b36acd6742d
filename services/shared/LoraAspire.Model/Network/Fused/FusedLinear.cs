using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// An adapter that adds scale · dropout(x)·Aᵀ·Bᵀ to a layer's output: A [rank, in], B [out, rank], float32, with their gradients.
/// </summary>
internal sealed record LowRankUpdate(Tensor A, Tensor B, double Scale, double Dropout);

/// <summary>Output of stacked layers [T, out] and, where they have adapters, scale · dropout(x)·Aᵀ [T, ranks] for the backward.</summary>
internal sealed record Projection(Tensor Y, Tensor? Low) : TensorGroup
{
    protected override IEnumerable<IDisposable?> Parts => [Y, Low];
}

/// <summary>
/// Linear layers that read the same input (q|k|v, gate|up, or one alone) as a single product with their weights stacked, and their
/// adapters.
/// </summary>
internal sealed class FusedLinear : IDisposable
{
    private readonly Kernels _kernels;
    private readonly StackedWeight _stack; // [out, in]
    private readonly List<Part> _adapters = [];
    private readonly Tensor? _down;       // [R, in]: every adapter's A, filled up to tiles
    private readonly Tensor? _downSums;   // [R, in] float32: gradient of the step

    /// <param name="Module">Number of the linear layer in the model.</param>
    /// <param name="Up">[tiles·8, out]: Bᵀ.</param>
    /// <param name="UpSums">[tiles·8, out] float32: gradient of the step.</param>
    private sealed record Part(int Module, LowRankUpdate Update, Columns Columns, Ranks Ranks, Tensor Up, Tensor UpSums);

    /// <summary>Which columns of the stack's output a layer has.</summary>
    private readonly record struct Columns(long Start, long Count);

    /// <summary>Which rows of the stacked A an adapter has, whole tiles.</summary>
    private readonly record struct Ranks(int Start, int Count);

    /// <param name="dtype">What is computed in.</param>
    /// <param name="firstModule">Number of the first of the linear layers in the model.</param>
    /// <param name="placed">Where the weights lie one below the other; null lays them so.</param>
    public FusedLinear(Kernels kernels, ScalarType dtype, UnpackedWeights memory, int firstModule, PlacedStack? placed,
        params IReadOnlyList<Linear> linears)
    {
        _kernels = kernels;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _stack = StackedWeight.Of(kernels, dtype, linears, memory, placed);
        var device = linears[0].Device;
        long column = 0, rank = 0;
        foreach (var (index, linear) in linears.Index())
        {
            var width = linear.OutFeatures;
            if (linear.Adapter is { } adapter)
            {
                var update = adapter.Kind.Fused(adapter) ?? throw new InvalidOperationException($"{adapter.Kind.Name} has no fused path.");
                var padded = (update.A.size(0) + Tile.Width - 1) / Tile.Width * Tile.Width;
                _adapters.Add(new Part(firstModule + index, update, new(column, width), new((int)rank, (int)padded),
                    zeros([padded, width], dtype, device).DetachFromDisposeScope(),
                    zeros([padded, width], float32, device).DetachFromDisposeScope()));
                rank += padded;
            }
            column += width;
        }
        if (rank > 0)
        {
            _down = zeros([rank, linears[0].InFeatures], dtype, device).DetachFromDisposeScope();
            _downSums = zeros([rank, linears[0].InFeatures], float32, device).DetachFromDisposeScope();
        }
    }

    public bool HasAdapters => _down is not null;

    /// <summary>What it reads of its input and of ∂L/∂output.</summary>
    public Form Input => _stack.Input with { Wide = _stack.Input.Wide || HasAdapters };
    public Form Gradient => _stack.Gradient with { Wide = _stack.Gradient.Wide || HasAdapters };

    /// <summary>Takes the adapters' present values and forgets the last step's gradients.</summary>
    public void BeginStep()
    {
        foreach (var adapter in _adapters)
        {
            var rank = adapter.Update.A.size(0);
            _down!.narrow(0, adapter.Ranks.Start, rank).copy_(adapter.Update.A);
            adapter.Up.narrow(0, 0, rank).copy_(adapter.Update.B.t());
            adapter.UpSums.zero_();
        }
        _downSums?.zero_();
    }

    /// <summary>Adds the step's gradients to those of A and B.</summary>
    public void EndStep()
    {
        foreach (var adapter in _adapters)
        {
            var rank = adapter.Update.A.size(0);
            adapter.Update.A.grad!.add_(_downSums!.narrow(0, adapter.Ranks.Start, rank), Scalars.One);
            adapter.Update.B.grad!.add_(adapter.UpSums.narrow(0, 0, rank).t(), Scalars.One);
        }
    }

    /// <param name="seed">Of the micro-batch's dropout; null drops nothing.</param>
    public Projection Forward(Operand operand, TokenDraw? seed)
    {
        var y = _stack.Forward(operand);
        if (_down is null)
        {
            return new(y, null);
        }
        var x = operand.Wide!;
        var low = empty([x.size(0), _down.size(0)], x.dtype, x.device);
        _kernels.Project(x, _down, low, Tiles(seed));
        foreach (var adapter in _adapters)
        {
            using var part = y.narrow(1, adapter.Columns.Start, adapter.Columns.Count);
            using var own = low.narrow(1, adapter.Ranks.Start, adapter.Ranks.Count);
            _kernels.Expand(part, own, adapter.Up);
        }
        return new(y, low);
    }

    /// <summary>∂L/∂x, and the gradients of A and B on the side.</summary>
    /// <param name="x">The forward's input; null when there are no adapters.</param>
    public Tensor Backward(Operand gradient, Tensor? x, Tensor? low, TokenDraw? seed)
    {
        var inputGradient = _stack.Backward(gradient);
        Adapt(gradient.Wide, x, low, seed, inputGradient);
        return inputGradient;
    }

    /// <summary>The gradients of A and B alone, where nobody asks for ∂L/∂x.</summary>
    public void BackwardAdapters(Tensor gradient, Tensor? x, Tensor? low, TokenDraw? seed) => Adapt(gradient, x, low, seed, null);

    private void Adapt(Tensor? gradient, Tensor? x, Tensor? low, TokenDraw? seed, Tensor? inputGradient)
    {
        if (_down is null || gradient is null)
        {
            return;
        }
        using var scope = NewDisposeScope();
        var tiles = Tiles(seed);
        var lowGradient = empty([gradient.size(0), _down.size(0)], gradient.dtype, gradient.device);
        foreach (var adapter in _adapters)
        {
            var part = gradient.narrow(1, adapter.Columns.Start, adapter.Columns.Count);
            // The scale is in low for B, and in lowGradient for A and x; 1/(1−p) too: dropout(x) here is x with zeros.
            var own = tiles.AsSpan(adapter.Ranks.Start / Tile.Width, adapter.Ranks.Count / Tile.Width).ToArray();
            var plain = own.Select(tile => tile with { Dropout = Dropout.None }).ToArray();
            _kernels.Project(part, adapter.Up, lowGradient.narrow(1, adapter.Ranks.Start, adapter.Ranks.Count), plain);
            _kernels.Accumulate(part, low!.narrow(1, adapter.Ranks.Start, adapter.Ranks.Count), adapter.UpSums, plain);
        }
        _kernels.Accumulate(x!, lowGradient, _downSums!, tiles, _down, inputGradient);
    }

    private Tile[] Tiles(TokenDraw? seed) =>
        [.. _adapters.SelectMany(adapter =>
        {
            var dropout = seed is { } drawn ? Dropout.Of(drawn, adapter.Module, adapter.Update.Dropout) : Dropout.None;
            return Enumerable.Repeat(new Tile((float)adapter.Update.Scale * dropout.InverseKeep, dropout),
                adapter.Ranks.Count / Tile.Width);
        })];

    public void Dispose() =>
        TensorGroup.DisposeAll(
            [_stack, _down, _downSums, .. _adapters.SelectMany(adapter => new[] { adapter.Up, adapter.UpSums })]);
}
