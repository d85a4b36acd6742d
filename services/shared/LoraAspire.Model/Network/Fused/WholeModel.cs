using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// A model all of whose weights are trained. They stay in float32, with their gradients; what is computed with are copies in another type,
/// taken at the start of each step.
/// </summary>
internal sealed class WholeModel : IDisposable
{
    private readonly Dictionary<string, Tensor> _weights; // the trained ones, by name

    /// <param name="trained">Each of its weights has a gradient.</param>
    public WholeModel(LlamaModel trained, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Copy = LlamaModel.CopyOf(trained, dtype);
        _weights = trained.Weights().ToDictionary(weight => weight.Name, weight => weight.Tensor);
        Copy.EmbeddingGradient = GradientOf("model.embed_tokens.weight");
        Copy.LastNorm.Gradient = GradientOf("model.norm.weight");
        if (Copy.Head is { } head)
        {
            head.Gradient = GradientOf("lm_head.weight");
        }
        foreach (var linear in Copy.Linears)
        {
            linear.Gradient = GradientOf(linear.Name + ".weight");
            linear.BiasGradient = linear.Bias is null ? null : GradientOf(linear.Name + ".bias");
        }
        foreach (var (name, norm) in Copy.Layers.SelectMany(layer => layer.NamedNorms))
        {
            norm.Gradient = GradientOf(name);
        }
    }

    /// <summary>What is computed with.</summary>
    public LlamaModel Copy { get; }

    public static bool IsTrained(LlamaModel model) => model.Weights().All(weight => weight.Tensor.requires_grad);

    /// <summary>Takes the present values.</summary>
    public void BeginStep()
    {
        foreach (var (name, copy) in Copy.Weights())
        {
            copy.copy_(_weights[name]);
        }
    }

    private Tensor GradientOf(string name) =>
        _weights[name].grad?.DetachFromDisposeScope() ?? throw new InvalidOperationException($"{name} has no gradient.");

    public void Dispose()
    {
        TensorGroup.DisposeAll([Copy.EmbeddingGradient, Copy.LastNorm.Gradient, Copy.Head?.Gradient,
            .. Copy.Linears.SelectMany(linear => new[] { linear.Gradient, linear.BiasGradient }),
            .. Copy.Layers.SelectMany(layer => layer.NamedNorms).Select(item => item.Norm.Gradient)]);
        Copy.Dispose();
    }
}
