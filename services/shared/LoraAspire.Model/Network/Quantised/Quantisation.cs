using LoraAspire.Model.Network.Fused;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Quantised;

/// <summary>A way to hold a frozen base's linear layers (all but the head) in fewer bits while adapters are trained on them.</summary>
public abstract class Quantisation
{
    /// <summary>The one of a format; null for numbers as they are.</summary>
    /// <param name="twice">NF4: the scales are quantised too.</param>
    public static Quantisation? Of(BaseFormat format, bool twice = true) => format switch
    {
        BaseFormat.Fp8 => new Fp8(),
        BaseFormat.Int8 => new Int8(),
        BaseFormat.Nf4 => new Nf4(twice),
        _ => null,
    };

    /// <summary>Its word in a trainer's <c>base_type</c>.</summary>
    public string Name => Format.Word();

    public abstract BaseFormat Format { get; }

    /// <summary>Why a model of this shape can't be held so on this device; null where it can. Asked before anything is loaded.</summary>
    /// <param name="dtype">What is computed in.</param>
    public abstract string? Unsupported(ModelConfig config, ScalarType dtype, torch.Device device);

    /// <param name="why">What <see cref="FusedModel"/> has against it.</param>
    private protected static string? NoBackward(string? why) =>
        why is null ? null : $"this base can't train on the hand-written backward, which that needs ({why})";

    /// <summary>Takes the weight over: it is disposed.</summary>
    /// <param name="weight">[out, in] in the type that is computed in.</param>
    internal abstract QuantisedWeight Quantise(Tensor weight);
}
