using LoraAspire.Model.Network.Families;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LoraAspire.Model.Network;

/// <summary>down(act(gate(x)) · up(x)) (SwiGLU and GeGLU, Shazeer 2020).</summary>
internal sealed record GatedMlp(ModelConfig Config, Linear Gate, Linear Up, Linear Down)
{
    public IEnumerable<Linear> Linears => [Gate, Up, Down];

    public Tensor Forward(Tensor x, bool training) => Forward(x, (linear, input) => linear.Forward(input, training));

    /// <param name="apply">A linear layer to its input.</param>
    internal Tensor Forward(Tensor x, Func<Linear, Tensor, Tensor> apply) =>
        apply(Down, Activate(apply(Gate, x)).mul(apply(Up, x)));

    private Tensor Activate(Tensor x) => Config.HiddenAct == ActivationField.TanhForm ? Activations.GeluTanh(x) : F.silu(x);
}
