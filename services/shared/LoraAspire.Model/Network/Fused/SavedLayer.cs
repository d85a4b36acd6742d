using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>What a layer's forward saves for its backward.</summary>
internal sealed record SavedLayer(SavedAttention Attention, SavedMlp Mlp) : TensorGroup
{
    protected override IEnumerable<IDisposable?> Parts => [Attention, Mlp];
}

/// <param name="X">The layer's input [T, hidden].</param>
/// <param name="Normed">X after its norm, where q, k or v has an adapter.</param>
/// <param name="Qkv">After the rotary embedding; its second part is the adapters'.</param>
/// <param name="Chosen">The rows of the attention's output that go on, where not all do.</param>
internal sealed record SavedAttention(
    Tensor X, Tensor InverseRms, Tensor? Normed, Projection Qkv, SavedHeadNorms? HeadNorms, AttentionResult Result, Tensor? Chosen,
    LowRank? OutputLow, SavedNorm? OutputNorm) : TensorGroup
{
    protected override IEnumerable<IDisposable?> Parts => [X, InverseRms, Normed, Qkv, HeadNorms, Result, Chosen, OutputLow, OutputNorm];
}

/// <param name="X">The MLP's input, x + attention [T, hidden].</param>
internal sealed record SavedMlp(Tensor X, Tensor InverseRms, Projection GateUp, LowRank? DownLow, SavedNorm? OutputNorm) : TensorGroup
{
    protected override IEnumerable<IDisposable?> Parts => [X, InverseRms, GateUp, DownLow, OutputNorm];
}

/// <summary>What attention or MLP gave before its norm, where a family has one there.</summary>
internal sealed record SavedNorm(Tensor X, Tensor InverseRms) : TensorGroup
{
    protected override IEnumerable<IDisposable?> Parts => [X, InverseRms];
}

/// <summary>Heads of q and k before their norms, and the inverse roots.</summary>
internal sealed record SavedHeadNorms(Tensor Query, Tensor QueryInverseRms, Tensor Key, Tensor KeyInverseRms) : TensorGroup
{
    protected override IEnumerable<IDisposable?> Parts => [Query, QueryInverseRms, Key, KeyInverseRms];
}
