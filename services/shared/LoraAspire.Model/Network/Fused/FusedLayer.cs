using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>What one pass over a micro-batch shares: rows, tables of the rotary embedding [positions, dim] float32, seed of the dropout.</summary>
internal sealed record FusedPass(PackedRows Rows, Tensor Cos, Tensor Sin, long? Seed);

/// <summary>
/// A decoder layer with a backward written by hand: the base needs no gradient, so only ∂L/∂x and the adapters' are made, and only what they need is kept:
/// per token 2·hidden (input, middle), q|k|v, the attention's output, gate|up, and the normed input where q, k or v has an adapter. silu(gate)·up is made again.
/// </summary>
internal sealed class FusedLayer : IDisposable
{
    private const int ModulesPerLayer = 7;

    private readonly Kernels _kernels;
    private readonly DecoderLayer _layer;
    private readonly HeadLayout _heads;
    private readonly FusedLinear _qkv, _output, _gateUp, _down;
    private readonly double _epsilon;

    public FusedLayer(Kernels kernels, DecoderLayer layer)
    {
        (_kernels, _layer, _epsilon) = (kernels, layer, layer.Config.RmsNormEps);
        _heads = new HeadLayout(layer.Config.NumAttentionHeads, layer.Config.NumKeyValueHeads, layer.Config.HeadDim, layer.Config.SlidingWindow[layer.Index]);
        var first = layer.Index * ModulesPerLayer;
        _qkv = new FusedLinear(kernels, first, layer.Q, layer.K, layer.V);
        _output = new FusedLinear(kernels, first + 3, layer.O);
        _gateUp = new FusedLinear(kernels, first + 4, layer.Gate, layer.Up);
        _down = new FusedLinear(kernels, first + 6, layer.Down);
    }

    /// <summary>Kept between forward and backward.</summary>
    /// <param name="X">The layer's input [T, hidden].</param>
    /// <param name="Qkv">After the rotary embedding.</param>
    /// <param name="QkNorms">Where q and k are normed per head: their values before it and the inverse roots.</param>
    /// <param name="Middle">x + attention.</param>
    public sealed record Kept(
        Tensor X, Tensor InverseRms1, Tensor? Normed, Tensor? QkvLow, Tensor Qkv, HeadNorms? QkNorms, AttentionResult Attention, Tensor? OutputLow,
        Tensor Middle, Tensor InverseRms2, Tensor? GateUpLow, Tensor GateUp, Tensor? DownLow) : IDisposable
    {
        public void Dispose()
        {
            foreach (var part in new IDisposable?[] { X, InverseRms1, Normed, QkvLow, Qkv, QkNorms, Attention, OutputLow, Middle, InverseRms2, GateUpLow, GateUp, DownLow })
            {
                part?.Dispose();
            }
        }
    }

    public sealed record HeadNorms(Tensor Q, Tensor QInverseRms, Tensor K, Tensor KInverseRms) : IDisposable
    {
        public void Dispose()
        {
            foreach (var part in new[] { Q, QInverseRms, K, KInverseRms })
            {
                part.Dispose();
            }
        }
    }

    public IEnumerable<FusedLinear> Linears => [_qkv, _output, _gateUp, _down];

    /// <summary>The layer's output [T, hidden], as the two summands that the next norm adds, and what the backward needs. x is kept, not copied.</summary>
    public (Tensor Middle, Tensor Mlp, Kept Kept) Forward(Tensor x, Tensor? added, FusedPass pass)
    {
        using var scope = NewDisposeScope();
        var (sum, normed, inverse1) = _kernels.Norm(x, added, _layer.Norms.Attention.Weight, _epsilon);
        var (qkv, qkvLow) = _qkv.Forward(normed, pass.Seed);
        if (!_qkv.HasAdapters)
        {
            normed.Dispose();
        }
        var headNorms = NormHeads(qkv);
        _kernels.Rope(qkv, _heads, pass.Rows.Positions, pass.Cos, pass.Sin);
        var attention = _kernels.Attention(qkv, _heads, pass.Rows);
        var (o, outputLow) = _output.Forward(attention.Output, pass.Seed);
        var (middle, normed2, inverse2) = _kernels.Norm(sum, o, _layer.Norms.Mlp.Weight, _epsilon);
        o.Dispose();
        var (gateUp, gateUpLow) = _gateUp.Forward(normed2, pass.Seed);
        normed2.Dispose();
        using var activation = _kernels.SwiGlu(gateUp);
        var (mlp, downLow) = _down.Forward(activation, pass.Seed);
        var kept = new Kept(sum, inverse1, _qkv.HasAdapters ? normed : null, qkvLow, qkv, headNorms, attention, outputLow, middle, inverse2, gateUpLow, gateUp, downLow);
        foreach (var tensor in new[] { sum, inverse1, kept.Normed, qkvLow, qkv, attention.Output, attention.LogSumExp, attention.RngState, attention.Unused, outputLow, middle, inverse2, gateUpLow, gateUp, downLow,
            headNorms?.Q, headNorms?.QInverseRms, headNorms?.K, headNorms?.KInverseRms })
        {
            tensor?.DetachFromDisposeScope();
        }
        return (middle, mlp.MoveToOuterDisposeScope(), kept);
    }

    /// <param name="gradient">∂L/∂output [T, hidden]</param>
    /// <param name="inputWanted">Nobody asks for the first layer's.</param>
    /// <returns>∂L/∂input</returns>
    public Tensor? Backward(Tensor gradient, Kept kept, FusedPass pass, bool inputWanted)
    {
        using var scope = NewDisposeScope();
        var activation = _down.HasAdapters ? _kernels.SwiGlu(kept.GateUp) : null;
        var inner = _down.Backward(gradient, activation, kept.DownLow, pass.Seed);
        activation?.Dispose();
        _kernels.SwiGluBackward(inner, kept.GateUp);
        inner.Dispose();
        var normed2 = _gateUp.HasAdapters ? _kernels.Norm(kept.Middle, null, _layer.Norms.Mlp.Weight, _epsilon).Normed : null;
        var mlpInput = _gateUp.Backward(kept.GateUp, normed2, kept.GateUpLow, pass.Seed);
        normed2?.Dispose();
        var middle = _kernels.NormBackward(mlpInput, kept.Middle, kept.InverseRms2, _layer.Norms.Mlp.Weight, gradient);
        mlpInput.Dispose();

        var context = _output.Backward(middle, kept.Attention.Output, kept.OutputLow, pass.Seed);
        var (dq, dk, dv) = _kernels.AttentionBackward(context, kept.Qkv, _heads, pass.Rows, kept.Attention);
        context.Dispose();
        var qkv = _kernels.RopeBackward(dq, dk, dv, _heads, pass.Rows.Positions, pass.Cos, pass.Sin);
        NormHeadsBackward(qkv, kept.QkNorms);
        if (!inputWanted)
        {
            _qkv.BackwardAdapters(qkv, kept.Normed, kept.QkvLow, pass.Seed);
            return null;
        }
        var input = _qkv.Backward(qkv, kept.Normed, kept.QkvLow, pass.Seed);
        return _kernels.NormBackward(input, kept.X, kept.InverseRms1, _layer.Norms.Attention.Weight, middle).MoveToOuterDisposeScope();
    }

    /// <summary>Qwen3: RMSNorm over each head of q and k, written over them.</summary>
    private HeadNorms? NormHeads(Tensor qkv)
    {
        if (_layer.QNorm is not { } qNorm || _layer.KNorm is not { } kNorm)
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
        return new HeadNorms(q, qInverse, k, kInverse);
    }

    private void NormHeadsBackward(Tensor gradient, HeadNorms? kept)
    {
        if (kept is null)
        {
            return;
        }
        void Part(long start, long width, Tensor before, Tensor inverse, RmsNorm norm)
        {
            var part = gradient.narrow(1, start, width);
            part.copy_(_kernels.NormBackward(part.reshape(-1, _heads.Dim), before, inverse, norm.Weight, null).view(-1, width));
        }
        Part(0, _heads.QueryWidth, kept.Q, kept.QInverseRms, _layer.QNorm!);
        Part(_heads.QueryWidth, _heads.KeyValueWidth, kept.K, kept.KInverseRms, _layer.KNorm!);
    }

    public void Dispose()
    {
        foreach (var linear in Linears)
        {
            linear.Dispose();
        }
    }
}
