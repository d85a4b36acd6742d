using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// What one pass over a micro-batch shares: rows, tables of the rotary embedding [positions, dim] float32, dropout.
/// </summary>
internal sealed record FusedPass(PackedRows Rows, Tensor Cos, Tensor Sin, TokenDraw? Seed);

/// <summary>
/// A decoder layer with a backward written by hand: the base needs no gradient, so only ∂L/∂x and the adapters' are made, and only what
/// they need is kept:
/// per token 2·hidden (input, middle), q|k|v, the attention's output, gate|up, and the normed input where q, k or v has an adapter.
/// silu(gate)·up is made again.
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

    /// <param name="memory">Where weights in 4 or 8 bits become numbers.</param>
    /// <param name="shards">The base's, where it is sharded.</param>
    public FusedLayer(Kernels kernels, ScalarType dtype, UnpackedWeights memory, DecoderLayer layer, LayerShards? shards)
    {
        (_kernels, _norms, _attention, _epsilon) = (kernels, layer.Norms, layer.Attention, layer.Attention.Config.RmsNormEps);
        var config = layer.Attention.Config;
        _heads = new HeadLayout(config.NumAttentionHeads, config.NumKeyValueHeads, config.HeadDim, config.SlidingWindow[layer.Index]);
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
    public Form Gradient => _down.Gradient with { Wide = true };

    /// <summary>With a base in 8 bits memory is what is short, and the norm is quickly made again.</summary>
    private bool KeepsNormed => _qkv.HasAdapters && !_qkv.Input.Eight;

    /// <summary>
    /// The layer's output [T, hidden], as the two summands that the next norm adds, and what the backward needs. x is saved, not copied.
    /// </summary>
    public (Tensor Middle, Tensor Mlp, SavedLayer Saved) Forward(Tensor x, Tensor? added, FusedPass pass)
    {
        using var scope = NewDisposeScope();
        var (sum, normed, inverse) = _kernels.Norm(x, added, _norms.Attention.Weight, _epsilon, _qkv.Input);
        var qkv = _qkv.Forward(normed, pass.Seed);
        normed.Eight?.Dispose();
        if (!KeepsNormed)
        {
            normed.Dispose();
        }
        var headNorms = NormHeads(qkv.Y);
        _kernels.Rope(qkv.Y, _heads, pass.Rows.Positions, pass.Cos, pass.Sin);
        var result = _kernels.Attention(qkv.Y, _heads, pass.Rows);
        var context = _kernels.As(result.Output, _output.Input);
        var output = _output.Forward(context, pass.Seed);
        context.Eight?.Dispose();
        var (middle, normed2, inverse2) = _kernels.Norm(sum, output.Y, _norms.Mlp.Weight, _epsilon, _gateUp.Input);
        output.Y.Dispose();
        var gateUp = _gateUp.Forward(normed2, pass.Seed);
        normed2.Dispose();
        using var activation = _kernels.SwiGlu(gateUp.Y, _down.Input);
        var mlp = _down.Forward(activation, pass.Seed);
        SavedLayer saved = new(
            new(sum, inverse, KeepsNormed ? normed.Wide : null, qkv, headNorms, result, output.Low), new(middle, inverse2, gateUp,
                mlp.Low));
        saved.DetachFromDisposeScope();
        return (middle, mlp.Y.MoveToOuterDisposeScope(), saved);
    }

    /// <param name="gradient">∂L/∂output [T, hidden]</param>
    /// <param name="below">What ∂L/∂input is read as; null for the first layer's, which nobody asks for.</param>
    /// <returns>∂L/∂input</returns>
    public Operand? Backward(Operand gradient, SavedLayer saved, FusedPass pass, Form? below)
    {
        using var scope = NewDisposeScope();
        var input = BackwardAttention(BackwardMlp(gradient, saved.Mlp, pass), saved.Attention, pass, below);
        input?.MoveToOuterDisposeScope();
        return input;
    }

    private Operand BackwardMlp(Operand gradient, SavedMlp saved, FusedPass pass)
    {
        var activation = _down.HasAdapters ? _kernels.SwiGlu(saved.GateUp.Y, Form.Plain).Wide : null;
        var inner = _down.Backward(gradient, activation, saved.DownLow, pass.Seed);
        activation?.Dispose();
        var outer = _kernels.SwiGluBackward(inner, saved.GateUp.Y, _gateUp.Gradient);
        inner.Dispose();
        var normed = _gateUp.HasAdapters ? Normed(saved.X, _norms.Mlp) : null;
        using var input = _gateUp.Backward(outer, normed, saved.GateUp.Low, pass.Seed);
        outer.Eight?.Dispose();
        normed?.Dispose();
        return _kernels.NormBackward(input, saved.X, saved.InverseRms, _norms.Mlp.Weight, gradient.Wide,
            _output.Gradient with { Wide = true });
    }

    /// <summary>What a norm gave in the forward, made again.</summary>
    private Tensor Normed(Tensor x, RmsNorm norm) => _kernels.Norm(x, null, norm.Weight, _epsilon, Form.Plain).Normed.Wide!;

    private Operand? BackwardAttention(Operand gradient, SavedAttention saved, FusedPass pass, Form? below)
    {
        var context = _output.Backward(gradient, saved.Result.Output, saved.OutputLow, pass.Seed);
        var (dq, dk, dv) = _kernels.AttentionBackward(context, saved.Qkv.Y, _heads, pass.Rows, saved.Result);
        context.Dispose();
        var form = below is null ? Form.Plain : _qkv.Gradient;
        var qkv = _kernels.RopeBackward(dq, dk, dv, _heads, pass.Rows.Positions, pass.Cos, pass.Sin,
            saved.HeadNorms is null ? form : Form.Plain);
        if (saved.HeadNorms is { } norms)
        {
            NormHeadsBackward(qkv.Wide!, norms);
            qkv = _kernels.As(qkv.Wide!, form);
        }
        var normed = saved.Normed ?? (_qkv.HasAdapters ? Normed(saved.X, _norms.Attention) : null);
        if (below is null)
        {
            _qkv.BackwardAdapters(qkv.Wide!, normed, saved.Qkv.Low, pass.Seed);
            return null;
        }
        var input = _qkv.Backward(qkv, normed, saved.Qkv.Low, pass.Seed);
        qkv.Dispose();
        return _kernels.NormBackward(input, saved.X, saved.InverseRms, _norms.Attention.Weight, gradient.Wide, below);
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
            var (_, normed, inverse) = _kernels.Norm(before, null, norm.Weight, _epsilon, Form.Plain);
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
            part.copy_(_kernels.NormBackward(part.reshape(-1, _heads.Dim), before, inverse, norm.Weight, null, Form.Plain).Wide!
                .view(-1, width));
        }
        Part(0, _heads.QueryWidth, saved.Query, saved.QueryInverseRms, _attention.QueryNorm!);
        Part(_heads.QueryWidth, _heads.KeyValueWidth, saved.Key, saved.KeyInverseRms, _attention.KeyNorm!);
    }

    public void Dispose() => TensorGroup.DisposeAll(Linears);
}
