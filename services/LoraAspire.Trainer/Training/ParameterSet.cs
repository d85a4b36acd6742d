using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// The trained tensors, laid one after another in a single float32 vector, and their gradients in another. Each layer's tensor is a view of
/// the first and accumulates into a view of the second, so that clipping and AdamW are a few operations whatever the number of
/// layers.
/// </summary>
public sealed class ParameterSet : IDisposable
{
    private readonly List<Entry> _entries;

    /// <summary>A tensor's place in the vectors.</summary>
    /// <param name="Rate">See <see cref="ParameterGroup"/>.</param>
    private sealed record Entry(string Name, long[] Shape, double Rate)
    {
        public long Length => Shape.Aggregate(1L, (product, dimension) => product * dimension);
    }

    private ParameterSet(Tensor values, List<Entry> entries)
    {
        Values = values;
        // One more value for the loss: what devices sum lies in one piece.
        Summed = zeros(values.size(0) + 1, float32, values.device).DetachFromDisposeScope();
        Gradients = Summed.narrow(0, 0, values.size(0)).DetachFromDisposeScope();
        _entries = entries;
        Groups = ParameterGroup.Of(entries.Select(entry => (entry.Length, entry.Rate, Decays(entry.Name))));
    }

    /// <summary>[count] float32</summary>
    public Tensor Values { get; }

    /// <summary>[count] float32</summary>
    public Tensor Gradients { get; }

    /// <summary>[count + 1] float32: the gradients, and a place for the loss behind them.</summary>
    public Tensor Summed { get; }

    public long Count => Values.size(0);

    /// <summary>What the optimiser treats alike. As transformers' get_decay_parameter_names has it, all but norms and biases decay.
    /// </summary>
    public IReadOnlyList<ParameterGroup> Groups { get; }

    /// <summary>By its name in a checkpoint: model.norm.weight, …input_layernorm.weight, …q_norm.weight and …bias don't.</summary>
    private static bool Decays(string name) =>
        !name.Split('.').Any(part => part == "bias" || part.EndsWith("norm", StringComparison.Ordinal));

    /// <summary>All that is trained beside a model's own weights, under PEFT's names.</summary>
    /// <param name="loraPlusRatio">LoRA+ (Hayou et al. 2024): the rate of fast tensors over that of the others.</param>
    public static ParameterSet OfAdapters(LlamaModel model, double? loraPlusRatio = null)
    {
        var linears = model.Linears.Where(linear => linear.Adapter is not null).ToList();
        var modules = model.TrainedModules().ToList();
        var set = Create(
        [
            .. linears.SelectMany(linear => linear.Adapter!.Parameters.Select(item => (Adapter.TensorName(linear.Name, item.Parameter),
                item.Tensor, item.Parameter.IsFast ? loraPlusRatio ?? 1 : 1))),
            .. modules.Select(module => (Adapter.SavedName(module.Path), module.Weight, 1.0)),
        ]);
        using var views = set.Views().GetEnumerator();
        Tensor Next(Tensor _) => views.MoveNext() ? views.Current.Value : throw new InvalidOperationException("fewer views than tensors");
        foreach (var linear in linears)
        {
            linear.Attach(linear.Adapter!.With(Next));
        }
        foreach (var (path, weight) in modules)
        {
            model.Train(path, Next(weight));
        }
        return set;
    }

    /// <summary>Every weight of a model: full fine-tuning, and training from scratch.</summary>
    public static ParameterSet OfModel(LlamaModel model)
    {
        var set = Create([.. model.Weights().Select(weight => (weight.Name, weight.Tensor, 1.0))]);
        model.ReplaceWeights(set.Views().ToDictionary(view => view.Name, view => view.Value));
        return set;
    }

    /// <summary>Name, value and gradient of each tensor; value and gradient are views.</summary>
    public IEnumerable<(string Name, Tensor Value, Tensor Gradient)> Views()
    {
        long offset = 0;
        foreach (var entry in _entries)
        {
            using var scope = NewDisposeScope();
            var gradient = Gradients.narrow(0, offset, entry.Length).view(entry.Shape).DetachFromDisposeScope();
            var value = Values.narrow(0, offset, entry.Length).view(entry.Shape).detach().DetachFromDisposeScope();
            value.requires_grad = true;
            // A gradient that is already there is added to in place: the backward writes straight into the vector.
            value.grad = gradient;
            yield return (entry.Name, value, gradient);
            offset += entry.Length;
        }
    }

    private static ParameterSet Create(List<(string Name, Tensor Tensor, double Rate)> tensors)
    {
        using var scope = NewDisposeScope();
        var values = cat([.. tensors.Select(item => item.Tensor.detach().to_type(float32).reshape(-1))]);
        return new ParameterSet(values.DetachFromDisposeScope(),
            [.. tensors.Select(item => new Entry(item.Name, item.Tensor.shape, item.Rate))]);
    }

    public void Dispose()
    {
        Values.Dispose();
        Gradients.Dispose();
        Summed.Dispose();
    }
}
