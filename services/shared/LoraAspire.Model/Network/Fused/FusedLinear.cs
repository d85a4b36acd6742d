using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// An adapter that adds scale · dropout(x)·Aᵀ·Bᵀ to a layer's output: A [rank, in], B [out, rank], float32, with their gradients.
/// </summary>
/// <param name="Magnitude">[out] float32: the trained lengths of DoRA (<see cref="RowLengths"/>).</param>
internal sealed record LowRankUpdate(Tensor A, Tensor B, double Scale, double Dropout, Tensor? Magnitude = null);

/// <summary>Output of stacked layers [T, out] and, where they have adapters, their low-rank activation for the backward.</summary>
/// <param name="Pending">The adapters whose part isn't in Y yet.</param>
internal sealed record Projection(Tensor Y, LowRank? Low, IReadOnlyList<UpMatrix> Pending) : TensorGroup
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
    private readonly IReadOnlyList<(Linear Linear, long Start)> _trained; // whose own weights are
    private readonly bool _expandsFirst;
    private readonly List<StepCopy> _begin = []; // views, which lie where they lie
    private readonly List<(LowRankUpdate Update, Tensor A, Tensor B)> _ends = []; // gradients of a step, as A and B lie
    private readonly IReadOnlyList<RowLengths> _lengths; // of each adapter, with DoRA

    /// <param name="Module">Number of the linear layer in the model.</param>
    private sealed record Part(int Module, LowRankUpdate Update, UpMatrix Up);

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
                _adapters.Add(new Part(firstModule + index, update, new UpMatrix(column, (int)rank,
                    zeros([padded, width], dtype, device).DetachFromDisposeScope(),
                    zeros([padded, width], float32, device).DetachFromDisposeScope())));
                rank += padded;
            }
            column += width;
        }
        Ups = [.. _adapters.Select(adapter => adapter.Up)];
        _trained = [.. linears.Select((linear, index) => (linear, linears.Take(index).Sum(before => before.OutFeatures)))
            .Where(part => part.linear.Gradient is not null)];
        _lengths = [.. _adapters.Where(adapter => adapter.Update.Magnitude is not null).Select(adapter =>
            new RowLengths(kernels, linears[adapter.Module - firstModule], adapter.Module, adapter.Update, adapter.Up))];
        _expandsFirst = Ups.Count == linears.Count && Ups.All(kernels.ExpandsFirst);
        if (rank > 0)
        {
            _down = zeros([rank, linears[0].InFeatures], dtype, device).DetachFromDisposeScope();
            _downSums = zeros([rank, linears[0].InFeatures], float32, device).DetachFromDisposeScope();
            _begin.Add(new(null, _downSums.alias().DetachFromDisposeScope(), Adds: false));
        }
        foreach (var (_, update, up) in _adapters)
        {
            Tensor Own(Tensor view) => view.DetachFromDisposeScope();
            var count = update.A.size(0);
            _begin.AddRange(
            [
                new(Own(update.A.alias()), Own(_down!.narrow(0, up.Rank, count)), Adds: false),
                new(Own(update.B.t()), Own(up.Matrix.narrow(0, 0, count)), Adds: false),
                new(null, Own(up.Sums.alias()), Adds: false),
            ]);
            _ends.Add((update, Own(_downSums!.narrow(0, up.Rank, count)), Own(up.Sums.narrow(0, 0, count).t())));
        }
    }

    /// <summary>Its backward reads what the forward did: it has adapters, or its weights are trained.</summary>
    public bool ReadsInput => _down is not null || _trained.Count > 0;

    /// <summary>x may come after ∂L/∂x is made: <see cref="BackwardWithoutInput"/>.</summary>
    public bool ReadsInputLate => ReadsInput && _lengths.Count == 0;

    public IReadOnlyList<UpMatrix> Ups { get; }

    /// <summary>The adapters read ∂L/∂y as it is, so that another kernel may do it on its way.</summary>
    public bool ReadsGradientAsIs => _lengths.Count == 0;

    /// <summary>What it reads of its input and of ∂L/∂output.</summary>
    public Form Input => _stack.Input with { Wide = _stack.Input.Wide || ReadsInput };
    public Form Gradient => _stack.Gradient with { Wide = _stack.Gradient.Wide || ReadsInput };

    /// <summary>Begins a step.</summary>
    /// <returns>What is to be copied then: the adapters' present values in, and the last step's gradients forgotten.</returns>
    public IReadOnlyList<StepCopy> BeginStep()
    {
        foreach (var (linear, start) in _trained.Where(part => part.Linear.Bias is not null))
        {
            _stack.Bias!.narrow(0, start, linear.OutFeatures).copy_(linear.Bias!);
        }
        foreach (var lengths in _lengths)
        {
            lengths.BeginStep();
        }
        return _begin;
    }

    /// <summary>Ends it.</summary>
    /// <returns>What is to be copied then: the step's gradients are added to those of A and B.</returns>
    public IEnumerable<StepCopy> EndStep()
    {
        foreach (var lengths in _lengths)
        {
            lengths.EndStep();
        }
        return _ends.SelectMany(IEnumerable<StepCopy> (end) =>
            [new(end.A, end.Update.A.grad!, Adds: true), new(end.B, end.Update.B.grad!, Adds: true)]);
    }

    /// <param name="seed">Of the micro-batch's dropout; null drops nothing.</param>
    public Projection Forward(Operand operand, TokenDraw? seed)
    {
        var projection = Multiply(operand, seed);
        _kernels.Expand(projection);
        return projection with { Pending = [] };
    }

    /// <summary>The same, to which the adapters' part may still have to be added: another kernel does it on its way.</summary>
    public Projection Multiply(Operand operand, TokenDraw? seed)
    {
        if (_down is null)
        {
            return new(_stack.Forward(operand), null, []);
        }
        if (_lengths.Count > 0)
        {
            return Lengthened(operand, seed);
        }
        return _expandsFirst && ExpandFirst(operand, seed) is { } projection ? projection
            : new(_stack.Forward(operand), Project(operand, seed), Ups);
    }

    /// <summary>q|k|v, q and k turned, where that is one kernel.</summary>
    public Projection? MultiplyAndTurn(Operand operand, HeadLayout heads, FusedPass pass) =>
        Finishable() is { } weight
            ? _kernels.ProductTurned(operand.Wide!, weight, Ups, () => ProjectIfAdapted(operand, pass.Seed), heads, pass.Rows.Positions,
                pass.Cos, pass.Sin)
            : null;

    /// <summary>x·Wᵀ with the adapters' part and what is given, where that is one kernel.</summary>
    public Projection? MultiplyAndAdd(Operand operand, Tensor added, TokenDraw? seed) =>
        Finishable() is { } weight
            ? _kernels.ProductAdded(operand.Wide!, weight, Ups, () => ProjectIfAdapted(operand, seed), added)
            : null;

    /// <summary>gate|up and act(gate)·up.</summary>
    /// <param name="form">Of the latter.</param>
    public (Projection GateUp, Operand Output) ForwardGlu(Operand operand, GluActivation activation, TokenDraw? seed, Form form)
    {
        if (!form.Eight && Finishable() is { } weight
            && _kernels.ProductGlu(operand.Wide!, weight, Ups, () => ProjectIfAdapted(operand, seed), activation) is { } both)
        {
            return (both.GateUp, new(both.Output, null));
        }
        var gateUp = Forward(operand, seed);
        return (gateUp, _kernels.Glu(gateUp.Y, activation, form));
    }

    /// <summary>∂L/∂(gate|up) of what went into this layer, written over gate|up, where that and ∂L/∂x are one kernel.</summary>
    public bool BackwardGlu(Operand gradient, Tensor gateUp, GluActivation activation) =>
        !ReadsInput && Finishable() is { } weight && _kernels.ProductGluBack(gradient.Wide!, weight, gateUp, activation);

    /// <summary>The weights, where nothing but adapters has a part in the product.</summary>
    private Tensor? Finishable() => _lengths.Count > 0 ? null : _stack.Unbiased();

    private LowRank? ProjectIfAdapted(Operand operand, TokenDraw? seed) => _down is null ? null : Project(operand, seed);

    /// <summary>The adapters' part, to which the product is added.</summary>
    private Projection? ExpandFirst(Operand operand, TokenDraw? seed)
    {
        if (!_stack.Adds)
        {
            return null;
        }
        var low = Project(operand, seed);
        var y = empty([low.Values.size(0), Ups[^1].Start + Ups[^1].Matrix.size(1)], low.Values.dtype, low.Values.device);
        foreach (var up in Ups)
        {
            using Tensor part = up.Of(y), own = up.LowOf(low.Values);
            part.addmm_(own, up.Matrix, beta: 0);
        }
        _stack.Add(operand, y);
        return new(y, low, []);
    }

    /// <summary>The lengths multiply what the adapter is already in; the bias has none.</summary>
    private Projection Lengthened(Operand operand, TokenDraw? seed)
    {
        var low = Project(operand, seed);
        var dropped = _lengths[0].Drops(seed);
        var y = dropped ? _stack.Forward(operand) : _stack.Product(operand);
        low = low with { Lengthened = [.. _lengths.Select(lengths => lengths.Apply(y, operand.Wide!, low.Values, seed))] };
        return new(dropped || _stack.Bias is null ? y : y.add_(_stack.Bias, Scalars.One), low, []);
    }

    private LowRank Project(Operand operand, TokenDraw? seed)
    {
        var x = operand.Wide!;
        var low = empty([x.size(0), _down!.size(0)], x.dtype, x.device);
        return new(low, _kernels.Project(x, _down, low, Tiles(seed)));
    }

    /// <summary>∂L/∂x, and the gradients of what is trained on the side.</summary>
    /// <param name="x">The forward's input, where it <see cref="ReadsInput"/>.</param>
    /// <param name="lowGradient">What <see cref="Kernels.Reduce"/> gives, where that is done.</param>
    public Tensor Backward(Operand gradient, Tensor? x, LowRank? low, TokenDraw? seed, Tensor? lowGradient = null)
    {
        if (_lengths.Count > 0)
        {
            return BackwardLengthened(gradient, x!, low!, seed);
        }
        var inputGradient = _stack.Backward(gradient);
        AddWeightGradients(gradient.Wide, x);
        Adapt(gradient.Wide, x, low, seed, inputGradient, lowGradient);
        return inputGradient;
    }

    /// <summary>∂L/∂x before x is there, and the adapters' low-rank gradient; <see cref="ReadInput"/> does what needs x.</summary>
    public (Tensor InputGradient, Tensor? LowGradient) BackwardWithoutInput(Operand gradient, LowRank? low, TokenDraw? seed)
    {
        var inputGradient = _stack.Backward(gradient);
        if (_down is null)
        {
            return (inputGradient, null);
        }
        var tiles = Tiles(seed);
        var lowGradient = _kernels.Reduce(gradient.Wide!, low!.Values, Ups, tiles);
        _kernels.Accumulate(null, lowGradient, null, tiles, _down, inputGradient, low.Kept);
        return (inputGradient, lowGradient);
    }

    /// <summary>The gradients that <see cref="BackwardWithoutInput"/> left.</summary>
    public void ReadInput(Tensor x, Tensor? gradient, LowRank? low, Tensor? lowGradient, TokenDraw? seed)
    {
        AddWeightGradients(gradient, x);
        if (lowGradient is not null)
        {
            _kernels.Accumulate(x, lowGradient, _downSums, Tiles(seed), kept: low!.Kept);
        }
    }

    /// <summary>The gradients of A and B alone, where nobody asks for ∂L/∂x.</summary>
    public void BackwardAdapters(Tensor gradient, Tensor? x, LowRank? low, TokenDraw? seed, Tensor? lowGradient = null)
    {
        using var scope = NewDisposeScope();
        Adapt(_lengths.Count > 0 ? Shortened(gradient, low!) : gradient, x, low, seed, null, lowGradient);
    }

    private void AddWeightGradients(Tensor? gradient, Tensor? x)
    {
        foreach (var (linear, start) in _trained)
        {
            using var scope = NewDisposeScope();
            var own = gradient!.narrow(1, start, linear.OutFeatures);
            _kernels.AddProduct(linear.Gradient!, own, x!);
            if (linear.BiasGradient is { } sums)
            {
                RowSums.Add(sums, own);
            }
        }
    }

    private Tensor BackwardLengthened(Operand gradient, Tensor x, LowRank low, TokenDraw? seed)
    {
        using var scope = NewDisposeScope();
        var shortened = Shortened(gradient.Wide!, low);
        var inputGradient = _stack.Backward(_lengths[0].Drops(seed) ? gradient : new Operand(shortened, null));
        foreach (var lengths in _lengths)
        {
            lengths.AddInputGradient(inputGradient, gradient.Wide!, seed);
        }
        Adapt(shortened, x, low, seed, inputGradient, null);
        return inputGradient.MoveToOuterDisposeScope();
    }

    /// <summary>∂L/∂y times the lengths; their own gradients on the side.</summary>
    private Tensor Shortened(Tensor gradient, LowRank low)
    {
        var result = gradient.clone();
        foreach (var (lengths, multiplied) in _lengths.Zip(low.Lengthened))
        {
            lengths.Read(result, multiplied);
        }
        return result;
    }

    private void Adapt(Tensor? gradient, Tensor? x, LowRank? low, TokenDraw? seed, Tensor? inputGradient, Tensor? lowGradient)
    {
        if (_down is null || gradient is null)
        {
            return;
        }
        using var scope = NewDisposeScope();
        var tiles = Tiles(seed);
        _kernels.Accumulate(x!, lowGradient ?? _kernels.Reduce(gradient, low!.Values, Ups, tiles), _downSums!, tiles, _down, inputGradient,
            low!.Kept);
    }

    /// <summary>How each tile of the stacked A is scaled and what it drops.</summary>
    public Tile[] Tiles(TokenDraw? seed) =>
        [.. _adapters.SelectMany(adapter =>
        {
            var dropout = seed is { } drawn ? Dropout.Of(drawn, adapter.Module, adapter.Update.Dropout) : Dropout.None;
            return Enumerable.Repeat(new Tile((float)adapter.Update.Scale * dropout.InverseKeep, dropout),
                (int)adapter.Up.Matrix.size(0) / Tile.Width);
        })];

    public void Dispose() =>
        TensorGroup.DisposeAll([_stack, _down, _downSums, .. Ups, .. _lengths, .. _begin.SelectMany(copy => new[] { copy.From, copy.To }),
            .. _ends.SelectMany(end => new[] { end.A, end.B })]);
}
