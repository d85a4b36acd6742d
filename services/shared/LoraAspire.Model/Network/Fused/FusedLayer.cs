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
    private const int ModulesPerLayer = 7;

    private readonly Kernels _kernels;
    private readonly LayerNorms _norms;
    private readonly SelfAttention _attention;
    private readonly HeadLayout _heads;
    private readonly FusedLinear _qkv, _output, _gateUp, _down;
    private readonly double _epsilon;

    /// <param name="shards">The base's, where it is sharded.</param>
    public FusedLayer(Kernels kernels, DecoderLayer layer, LayerShards? shards)
    {
        (_kernels, _norms, _attention, _epsilon) = (kernels, layer.Norms, layer.Attention, layer.Attention.Config.RmsNormEps);
        var config = layer.Attention.Config;
        _heads = new HeadLayout(config.NumAttentionHeads, config.NumKeyValueHeads, config.HeadDim, config.SlidingWindow[layer.Index]);
        var first = layer.Index * ModulesPerLayer;
        _qkv = new FusedLinear(kernels, first, shards?.Place(layer.Index, 0, 3), layer.Attention.Query, layer.Attention.Key,
            layer.Attention.Value);
        _output = new FusedLinear(kernels, first + 3, shards?.Place(layer.Index, 3, 1), layer.Attention.Output);
        _gateUp = new FusedLinear(kernels, first + 4, shards?.Place(layer.Index, 4, 2), layer.Mlp.Gate, layer.Mlp.Up);
        _down = new FusedLinear(kernels, first + 6, shards?.Place(layer.Index, 6, 1), layer.Mlp.Down);
    }

    public IEnumerable<FusedLinear> Linears => [_qkv, _output, _gateUp, _down];

    /// <summary>
    /// The layer's output [T, hidden], as the two summands that the next norm adds, and what the backward needs. x is saved, not copied.
    /// </summary>
    public (Tensor Middle, Tensor Mlp, SavedLayer Saved) Forward(Tensor x, Tensor? added, FusedPass pass)
    {
        using var scope = NewDisposeScope();
        var (sum, normed, inverse) = _kernels.Norm(x, added, _norms.Attention.Weight, _epsilon);
        var qkv = _qkv.Forward(normed, pass.Seed);
        if (!_qkv.HasAdapters)
        {
            normed.Dispose();
        }
        var headNorms = NormHeads(qkv.Y);
        _kernels.Rope(qkv.Y, _heads, pass.Rows.Positions, pass.Cos, pass.Sin);
        var result = _kernels.Attention(qkv.Y, _heads, pass.Rows);
        var output = _output.Forward(result.Output, pass.Seed);
        var (middle, normed2, inverse2) = _kernels.Norm(sum, output.Y, _norms.Mlp.Weight, _epsilon);
        output.Y.Dispose();
        var gateUp = _gateUp.Forward(normed2, pass.Seed);
        normed2.Dispose();
        using var activation = _kernels.SwiGlu(gateUp.Y);
        var mlp = _down.Forward(activation, pass.Seed);
        SavedLayer saved = new(
            new(sum, inverse, _qkv.HasAdapters ? normed : null, qkv, headNorms, result, output.Low), new(middle, inverse2, gateUp,
                mlp.Low));
        saved.DetachFromDisposeScope();
        return (middle, mlp.Y.MoveToOuterDisposeScope(), saved);
    }

    /// <param name="gradient">∂L/∂output [T, hidden]</param>
    /// <param name="inputWanted">Nobody asks for the first layer's.</param>
    /// <returns>∂L/∂input</returns>
    public Tensor? Backward(Tensor gradient, SavedLayer saved, FusedPass pass, bool inputWanted)
    {
        using var scope = NewDisposeScope();
        return BackwardAttention(BackwardMlp(gradient, saved.Mlp, pass), saved.Attention, pass, inputWanted)?.MoveToOuterDisposeScope();
    }

    private Tensor BackwardMlp(Tensor gradient, SavedMlp saved, FusedPass pass)
    {
        var activation = _down.HasAdapters ? _kernels.SwiGlu(saved.GateUp.Y) : null;
        var inner = _down.Backward(gradient, activation, saved.DownLow, pass.Seed);
        activation?.Dispose();
        _kernels.SwiGluBackward(inner, saved.GateUp.Y);
        inner.Dispose();
        var normed = _gateUp.HasAdapters ? _kernels.Norm(saved.X, null, _norms.Mlp.Weight, _epsilon).Normed : null;
        using var input = _gateUp.Backward(saved.GateUp.Y, normed, saved.GateUp.Low, pass.Seed);
        normed?.Dispose();
        return _kernels.NormBackward(input, saved.X, saved.InverseRms, _norms.Mlp.Weight, gradient);
    }

    private Tensor? BackwardAttention(Tensor gradient, SavedAttention saved, FusedPass pass, bool inputWanted)
    {
        var context = _output.Backward(gradient, saved.Result.Output, saved.OutputLow, pass.Seed);
        var (dq, dk, dv) = _kernels.AttentionBackward(context, saved.Qkv.Y, _heads, pass.Rows, saved.Result);
        context.Dispose();
        var qkv = _kernels.RopeBackward(dq, dk, dv, _heads, pass.Rows.Positions, pass.Cos, pass.Sin);
        NormHeadsBackward(qkv, saved.HeadNorms);
        if (!inputWanted)
        {
            _qkv.BackwardAdapters(qkv, saved.Normed, saved.Qkv.Low, pass.Seed);
            return null;
        }
        var input = _qkv.Backward(qkv, saved.Normed, saved.Qkv.Low, pass.Seed);
        return _kernels.NormBackward(input, saved.X, saved.InverseRms, _norms.Attention.Weight, gradient);
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
            var (_, normed, inverse) = _kernels.Norm(before, null, norm.Weight, _epsilon);
            part.copy_(normed.view(-1, width));
            return (before, inverse);
        }
        var (q, qInverse) = Part(0, _heads.QueryWidth, qNorm);
        var (k, kInverse) = Part(_heads.QueryWidth, _heads.KeyValueWidth, kNorm);
        return new SavedHeadNorms(q, qInverse, k, kInverse);
    }

    private void NormHeadsBackward(Tensor gradient, SavedHeadNorms? saved)
    {
        if (saved is null)
        {
            return;
        }
        void Part(long start, long width, Tensor before, Tensor inverse, RmsNorm norm)
        {
            var part = gradient.narrow(1, start, width);
            part.copy_(_kernels.NormBackward(part.reshape(-1, _heads.Dim), before, inverse, norm.Weight, null).view(-1, width));
        }
        Part(0, _heads.QueryWidth, saved.Query, saved.QueryInverseRms, _attention.QueryNorm!);
        Part(_heads.QueryWidth, _heads.KeyValueWidth, saved.Key, saved.KeyInverseRms, _attention.KeyNorm!);
    }

    public void Dispose() => TensorGroup.DisposeAll(Linears);
}
