using LoraAspire.Model.Network.Families;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LoraAspire.Model.Network;

/// <summary>down(act(gate(x)) · up(x)) (SwiGLU and GeGLU, Shazeer 2020).</summary>
internal sealed record GatedMlp(ModelConfig Config, Linear Gate, Linear Up, Linear Down)
{
    public IEnumerable<Linear> Linears => [Gate, Up, Down];

    public Tensor Forward(Tensor x, bool training) =>
        Down.Forward(Activate(Gate.Forward(x, training)).mul(Up.Forward(x, training)), training);

    private Tensor Activate(Tensor x) => Config.HiddenAct == ActivationField.TanhForm ? Activations.GeluTanh(x) : F.silu(x);
}
