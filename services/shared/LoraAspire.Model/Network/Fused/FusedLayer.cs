using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Families;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// What one pass over a micro-batch shares: rows, tables of the rotary embedding [positions, dim] float32, dropout.
/// </summary>
internal sealed record FusedPass(PackedRows Rows, Tensor Cos, Tensor Sin, TokenDraw? Seed)
{
    /// <summary>Of the last layer's attention only these tokens go on, since no other's output is asked for; null is all.</summary>
    public Chosen? Last { get; init; }
}

/// <summary>Some of a micro-batch's tokens.</summary>
/// <param name="At">[N] int64</param>
internal sealed record Chosen(Tensor At, TokenDraw? Seed);

/// <summary>
/// A decoder layer with a backward written by hand: where the base is frozen only ∂L/∂x and the adapters' are made, and only what they need
/// is kept:
/// per token 2·hidden (input, middle), q|k|v, the attention's output, gate|up, and the normed input where q, k or v has an adapter.
/// act(gate)·up is made again.
/// </summary>
internal sealed class FusedLayer : IDisposable
{
    private const int ModulesPerLayer = LayerLinears.Count;

    /// <summary>Which of a layer's linear layers are computed as one: q, k, v; o; gate, up; down.</summary>
    internal static IReadOnlyList<(int First, int Count)> Stacks { get; } = [(0, 3), (3, 1), (4, 2), (6, 1)];

    private readonly Kernels _kernels;
    private readonly LayerNorms _norms;
    private readonly SelfAttention _attention;
    private readonly HeadLayout _heads;
    private readonly FusedLinear _qkv, _output, _gateUp, _down;
    private readonly double _epsilon;
    private readonly bool _isLast;
    private readonly GluActivation _activation;

    /// <param name="memory">Where weights in 4 or 8 bits become numbers.</param>
    /// <param name="shards">The base's, where it is sharded.</param>
    public FusedLayer(Kernels kernels, ScalarType dtype, UnpackedWeights memory, DecoderLayer layer, LayerShards? shards)
    {
        (_kernels, _norms, _attention, _epsilon) = (kernels, layer.Norms, layer.Attention, layer.Attention.Config.RmsNormEps);
        var config = layer.Attention.Config;
        _activation = config.HiddenAct == ActivationField.TanhForm ? GluActivation.GeluTanh : GluActivation.Silu;
        _isLast = layer.Index == config.NumHiddenLayers - 1;
        _heads = new HeadLayout(config.NumAttentionHeads, config.NumKeyValueHeads, config.HeadDim, config.SlidingWindow[layer.Index])
        {
            Scale = config.AttentionScale,
            Cap = config.ScoreCap,
        };
        Linear[] linears = [.. layer.Linears];
        FusedLinear[] stacks = [.. Stacks.Select(stack =>
        {
            var stacked = linears[stack.First..(stack.First + stack.Count)];
            return new FusedLinear(kernels, dtype, memory, (layer.Index * ModulesPerLayer) + stack.First,
                shards?.Stack(layer.Index, stack.First, stacked), stacked);
        })];
        (_qkv, _output, _gateUp, _down) = (stacks[0], stacks[1], stacks[2], stacks[3]);
    }

    public IEnumerable<FusedLinear> Linears => [_qkv, _output, _gateUp, _down];

    /// <summary>What it reads of ∂L/∂output; wide too, since the residual goes past the MLP.</summary>
    public Form Gradient => GradientOf(_down, _norms.MlpOutput);

    /// <summary>What is read of the gradient of what a linear layer and its norm give.</summary>
    private static Form GradientOf(FusedLinear linear, RmsNorm? norm) => norm is null ? linear.Gradient with { Wide = true } : Form.Plain;

    private bool HasUsualScores => _attention.Config.HasUsualScores;

    /// <summary>With a base in 8 bits memory is what is short, and the norm is quickly made again.</summary>
    private bool KeepsNormed => _qkv.ReadsInput && !_qkv.Input.Eight;

    /// <summary>
    /// The layer's output [T, hidden] or, where it isn't added up yet, the two summands that the next norm adds: the first is then among
    /// what the backward needs. x is saved, not copied. The last layer's is of the chosen tokens only.
    /// </summary>
    public (Tensor Output, Tensor? Added, SavedLayer Saved) Forward(Tensor x, Tensor? added, FusedPass pass)
    {
        using var scope = NewDisposeScope();
        var (sum, normed, inverse) = _kernels.Norm(x, added, _norms.Attention.Factors, _epsilon, _qkv.Input);
        var (qkv, headNorms) = Turned(normed, pass);
        normed.Eight?.Dispose();
        if (!KeepsNormed)
        {
            normed.Dispose();
        }
        var result = HasUsualScores ? _kernels.Attention(qkv.Y, _heads, pass.Rows) : CappedAttention.Forward(qkv.Y, _heads, pass.Rows);
        var only = OnlyOf(pass);
        var seed = only is null ? pass.Seed : only.Seed;
        var (residual, chosen) = only is null ? (sum, null) : (sum.index_select(0, only.At), result.Output.index_select(0, only.At));
        var context = _kernels.As(chosen ?? result.Output, _output.Input);
        var (middle, normed2, inverse2, outputLow, outputNorm) = AddAndNorm(residual, context, seed);
        context.Eight?.Dispose();
        var (gateUp, activation) = _gateUp.ForwardGlu(normed2, _activation, seed, _down.Input);
        normed2.Dispose();
        var whole = _norms.MlpOutput is null ? _down.MultiplyAndAdd(activation, middle, seed) : null;
        var mlp = whole ?? _down.Forward(activation, seed);
        activation.Dispose();
        var (given, mlpNorm) = NormOutput(mlp.Y, _norms.MlpOutput);
        SavedLayer saved = new(
            new(sum, inverse, KeepsNormed ? normed.Wide : null, qkv, headNorms, result, chosen, outputLow, outputNorm),
            new(middle, inverse2, gateUp, mlp.Low, mlpNorm));
        saved.DetachFromDisposeScope();
        given.MoveToOuterDisposeScope();
        return whole is null ? (middle, given, saved) : (given, null, saved);
    }

    /// <summary>What attention gave goes through its last linear layer, is added to what went past it, and normed.</summary>
    private (Tensor Sum, Operand Normed, Tensor InverseRms, LowRank? Low, SavedNorm? OutputNorm) AddAndNorm(Tensor residual,
        Operand context, TokenDraw? seed)
    {
        if (_norms.AttentionOutput is not null)
        {
            var (y, low, _) = _output.Forward(context, seed);
            var (given, outputNorm) = NormOutput(y, _norms.AttentionOutput);
            var (both, next, nextInverse) = _kernels.Norm(residual, given, _norms.Mlp.Factors, _epsilon, _gateUp.Input);
            return (both, next, nextInverse, low, outputNorm);
        }
        if (_output.MultiplyAndAdd(context, residual, seed) is { } whole)
        {
            var (_, own, ownInverse) = _kernels.Norm(whole.Y, null, _norms.Mlp.Factors, _epsilon, _gateUp.Input);
            return (whole.Y, own, ownInverse, whole.Low, null);
        }
        var output = _output.Multiply(context, seed);
        var (sum, normed, inverse) = _kernels.ExpandAndNorm(residual, output, _norms.Mlp.Factors, _epsilon, _gateUp.Input);
        output.Y.Dispose();
        return (sum, normed, inverse, output.Low, null);
    }

    /// <summary>What attention or MLP gave, after its norm where a family has one there.</summary>
    private (Tensor Given, SavedNorm? Saved) NormOutput(Tensor x, RmsNorm? norm)
    {
        if (norm is null)
        {
            return (x, null);
        }
        var (_, normed, inverse) = _kernels.Norm(x, null, norm.Factors, _epsilon, Form.Plain);
        return (normed.Wide!, new(x, inverse));
    }

    /// <summary>Its backward; what there is without a norm is the gradient itself.</summary>
    private Operand NormOutputBackward(Operand gradient, SavedNorm? saved, RmsNorm? norm, Form form)
    {
        if (saved is null || norm is null)
        {
            return gradient;
        }
        norm.AddGradient(gradient.Wide!, saved.X, saved.InverseRms);
        return _kernels.NormBackward(gradient.Wide!, saved.X, saved.InverseRms, norm.Factors, null, form);
    }

    private Chosen? OnlyOf(FusedPass pass) => _isLast ? pass.Last : null;

    /// <summary>q|k|v, after its norms turned by its positions.</summary>
    private (Projection Qkv, SavedHeadNorms? Norms) Turned(Operand normed, FusedPass pass)
    {
        if (_attention.QueryNorm is null && _qkv.MultiplyAndTurn(normed, _heads, pass) is { } whole)
        {
            return (whole, null);
        }
        var qkv = _qkv.Multiply(normed, pass.Seed);
        if (_attention.QueryNorm is null)
        {
            _kernels.ExpandAndTurn(qkv, _heads, pass.Rows.Positions, pass.Cos, pass.Sin);
            return (qkv, null);
        }
        _kernels.Expand(qkv);
        var headNorms = NormHeads(qkv.Y);
        _kernels.Rope(qkv.Y, _heads, pass.Rows.Positions, pass.Cos, pass.Sin);
        return (qkv, headNorms);
    }

    /// <param name="gradient">∂L/∂output [T, hidden]; of the last layer [chosen, hidden].</param>
    /// <param name="below">What ∂L/∂input is read as; null for the first layer's, which nobody asks for.</param>
    /// <returns>∂L/∂input</returns>
    public Operand? Backward(Operand gradient, SavedLayer saved, FusedPass pass, Form? below)
    {
        using var scope = NewDisposeScope();
        var only = OnlyOf(pass);
        var seed = only is null ? pass.Seed : only.Seed;
        var input = BackwardAttention(BackwardMlp(gradient, saved.Mlp, seed), saved.Attention, pass, only, below);
        input?.MoveToOuterDisposeScope();
        return input;
    }

    private Operand BackwardMlp(Operand gradient, SavedMlp saved, TokenDraw? seed)
    {
        var given = NormOutputBackward(gradient, saved.OutputNorm, _norms.MlpOutput, _down.Gradient);
        var outer = _down.ReadsInputLate ? BackwardDownLate(given, saved, seed) : BackwardDown(given, saved, seed);
        var normed = _gateUp.ReadsInput ? Normed(saved.X, _norms.Mlp) : null;
        using var input = _gateUp.Backward(outer, normed, saved.GateUp.Low, seed);
        outer.Eight?.Dispose();
        normed?.Dispose();
        _norms.Mlp.AddGradient(input, saved.X, saved.InverseRms);
        return _kernels.NormBackward(input, saved.X, saved.InverseRms, _norms.Mlp.Factors, gradient.Wide,
            GradientOf(_output, _norms.AttentionOutput));
    }

    /// <returns>∂L/∂(gate|up)</returns>
    private Operand BackwardDown(Operand gradient, SavedMlp saved, TokenDraw? seed)
    {
        if (!_gateUp.Gradient.Eight && _down.BackwardGlu(gradient, saved.GateUp.Y, _activation))
        {
            return new(saved.GateUp.Y, null);
        }
        using var activation = _down.ReadsInput ? _kernels.Glu(saved.GateUp.Y, _activation, Form.Plain).Wide : null;
        using var inner = _down.Backward(gradient, activation, saved.DownLow, seed);
        return _kernels.GluBackward(inner, saved.GateUp.Y, _activation, _gateUp.Gradient);
    }

    /// <summary>The same, gate and up read once for act(gate)·up and for the gradient.</summary>
    private Operand BackwardDownLate(Operand gradient, SavedMlp saved, TokenDraw? seed)
    {
        var (inner, lowGradient) = _down.BackwardWithoutInput(gradient, saved.DownLow, seed);
        using (inner)
        using (lowGradient)
        {
            var (outer, activation) = _kernels.GluBackwardAndForward(inner, saved.GateUp.Y, _activation, _gateUp.Gradient);
            using (activation)
            {
                _down.ReadInput(activation, gradient.Wide, saved.DownLow, lowGradient, seed);
            }
            return outer;
        }
    }

    /// <summary>What a norm gave in the forward, made again.</summary>
    private Tensor Normed(Tensor x, RmsNorm norm) => _kernels.Norm(x, null, norm.Factors, _epsilon, Form.Plain).Normed.Wide!;

    private Operand? BackwardAttention(Operand gradient, SavedAttention saved, FusedPass pass, Chosen? only, Form? below)
    {
        // Where not all tokens went on, the others have no gradient from above.
        Tensor OfAll(Tensor x) => only is null ? x
            : zeros([saved.X.size(0), x.size(1)], x.dtype, x.device).index_copy_(0, only.At, x);
        var given = NormOutputBackward(gradient, saved.OutputNorm, _norms.AttentionOutput, _output.Gradient);
        var context = OfAll(_output.Backward(given, saved.Chosen ?? saved.Result.Output, saved.OutputLow,
            only is null ? pass.Seed : only.Seed));
        var (qkv, lowGradient) = BackwardScores(context, saved, pass, below is null ? Form.Plain : _qkv.Gradient);
        context.Dispose();
        var normed = saved.Normed ?? (_qkv.ReadsInput ? Normed(saved.X, _norms.Attention) : null);
        if (below is null)
        {
            _qkv.BackwardAdapters(qkv.Wide!, normed, saved.Qkv.Low, pass.Seed, lowGradient);
            return null;
        }
        var input = _qkv.Backward(qkv, normed, saved.Qkv.Low, pass.Seed, lowGradient);
        qkv.Dispose();
        _norms.Attention.AddGradient(input, saved.X, saved.InverseRms);
        return _kernels.NormBackward(input, saved.X, saved.InverseRms, _norms.Attention.Factors, OfAll(gradient.Wide!), below);
    }

    /// <param name="context">∂L/∂(what attention gave)</param>
    /// <returns>∂L/∂(q|k|v) before they were turned and normed, and their adapters' low-rank gradient where that is made too.</returns>
    private (Operand Gradient, Tensor? Low) BackwardScores(Tensor context, SavedAttention saved, FusedPass pass, Form form)
    {
        Operand Before(Tensor turnedBack)
        {
            if (saved.HeadNorms is { } norms)
            {
                NormHeadsBackward(turnedBack, norms);
            }
            return _kernels.As(turnedBack, form);
        }
        if (HasUsualScores && _kernels.AttentionTurnedBack(context, saved.Qkv.Y, _heads, pass, saved.Result) is { } whole)
        {
            return (Before(whole), null);
        }
        var (dq, dk, dv) = HasUsualScores ? _kernels.AttentionBackward(context, saved.Qkv.Y, _heads, pass.Rows, saved.Result)
            : CappedAttention.Backward(context, saved.Qkv.Y, _heads, pass.Rows);
        var positions = pass.Rows.Positions;
        return saved.HeadNorms is null
            ? _kernels.TurnBackAndReduce(dq, dk, dv, _heads, positions, pass.Cos, pass.Sin, form,
                _qkv.ReadsGradientAsIs ? saved.Qkv.Low?.Values : null, _qkv.Ups, _qkv.Tiles(pass.Seed))
            : (Before(_kernels.RopeBackward(dq, dk, dv, _heads, positions, pass.Cos, pass.Sin, Form.Plain).Wide!), null);
    }

    /// <summary>Qwen3: RMSNorm over each head of q and k, written over them.</summary>
    private SavedHeadNorms? NormHeads(Tensor qkv)
    {
        if (_attention.QueryNorm is not { } qNorm || _attention.KeyNorm is not { } kNorm)
        {
            return null;
        }
        (Tensor Before, Tensor InverseRms) Part(long start, long width, RmsNorm norm)
        {
            var part = qkv.narrow(1, start, width);
            var before = part.reshape(-1, _heads.Dim).clone();
            var (_, normed, inverse) = _kernels.Norm(before, null, norm.Factors, _epsilon, Form.Plain);
            part.copy_(normed.Wide!.view(-1, width));
            return (before, inverse);
        }
        var (q, qInverse) = Part(0, _heads.QueryWidth, qNorm);
        var (k, kInverse) = Part(_heads.QueryWidth, _heads.KeyValueWidth, kNorm);
        return new SavedHeadNorms(q, qInverse, k, kInverse);
    }

    private void NormHeadsBackward(Tensor gradient, SavedHeadNorms saved)
    {
        void Part(long start, long width, Tensor before, Tensor inverse, RmsNorm norm)
        {
            var part = gradient.narrow(1, start, width);
            var heads = part.reshape(-1, _heads.Dim).contiguous(); // of one head it would be where it was
            norm.AddGradient(heads, before, inverse);
            part.copy_(_kernels.NormBackward(heads, before, inverse, norm.Factors, null, Form.Plain).Wide!
                .view(-1, width));
        }
        Part(0, _heads.QueryWidth, saved.Query, saved.QueryInverseRms, _attention.QueryNorm!);
        Part(_heads.QueryWidth, _heads.KeyValueWidth, saved.Key, saved.KeyInverseRms, _attention.KeyNorm!);
    }

    public void Dispose() => TensorGroup.DisposeAll(Linears);
}
