using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// The trained tensors, laid one after another in a single float32 vector, and their gradients in another. Each layer's tensor is a view of
/// the first and accumulates into a view of the second, so that clipping and AdamW are a handful of operations whatever the number of
/// layers.
/// </summary>
public sealed class ParameterSet : IDisposable
{
    private readonly List<(string Name, long[] Shape)> _entries;

    private ParameterSet(Tensor values, List<(string, long[])> entries)
    {
        Values = values;
        // One more value for the loss: what devices sum lies in one piece.
        Summed = zeros(values.size(0) + 1, float32, values.device).DetachFromDisposeScope();
        Gradients = Summed.narrow(0, 0, values.size(0)).DetachFromDisposeScope();
        _entries = entries;
        Decaying = Stretches(entries);
    }

    /// <summary>[count] float32</summary>
    public Tensor Values { get; }

    /// <summary>[count] float32</summary>
    public Tensor Gradients { get; }

    /// <summary>[count + 1] float32: the gradients, and a place for the loss behind them.</summary>
    public Tensor Summed { get; }

    public long Count => Values.size(0);

    /// <summary>What each value's learning rate is multiplied by [count] float32; null is 1.</summary>
    public Tensor? RateFactors { get; private init; }

    /// <summary>
    /// Stretches of the vector that weight decay applies to, as transformers' get_decay_parameter_names chooses them: all but norms and
    /// biases. Neighbours are one stretch.
    /// </summary>
    public IReadOnlyList<(long Start, long Length)> Decaying { get; }

    private static List<(long Start, long Length)> Stretches(IEnumerable<(string Name, long[] Shape)> entries)
    {
        List<(long Start, long Length)> stretches = [];
        long offset = 0;
        foreach (var (name, shape) in entries)
        {
            var length = shape.Aggregate(1L, (product, dimension) => product * dimension);
            if (Decays(name))
            {
                if (stretches is [.., var last] && last.Start + last.Length == offset)
                {
                    stretches[^1] = (last.Start, last.Length + length);
                }
                else
                {
                    stretches.Add((offset, length));
                }
            }
            offset += length;
        }
        return stretches;
    }

    /// <summary>By its name in a checkpoint: model.norm.weight, …input_layernorm.weight, …q_norm.weight and …bias don't.</summary>
    private static bool Decays(string name) =>
        !name.Split('.').Any(part => part == "bias" || part.EndsWith("norm", StringComparison.Ordinal));

    /// <summary>All that is trained beside a model's own weights, under PEFT's names.</summary>
    /// <param name="loraPlusRatio">LoRA+ (Hayou et al. 2024): the rate of fast tensors over that of the others.</param>
    public static ParameterSet OfAdapters(LlamaModel model, double? loraPlusRatio = null)
    {
        var linears = model.Linears.Where(linear => linear.Adapter is not null).ToList();
        var modules = model.TrainedModules().ToList();
        List<(string Name, Tensor Tensor, bool IsFast)> trained =
        [
            .. linears.SelectMany(linear => linear.Adapter!.Parameters.Select(item =>
                (Adapter.TensorName(linear.Name, item.Parameter), item.Tensor, item.Parameter.IsFast))),
            .. modules.Select(module => (Adapter.SavedName(module.Path), module.Weight, false)),
        ];
        var set = Create(trained.Select(item => (item.Name, item.Tensor)), loraPlusRatio is { } ratio ? RatesOf(trained, ratio) : null);
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

    private static Tensor RatesOf(IEnumerable<(string Name, Tensor Tensor, bool IsFast)> trained, double ratio)
    {
        using var scope = NewDisposeScope();
        return cat(
            [.. trained.Select(item => full([item.Tensor.numel()], (item.IsFast ? ratio : 1).AsScalar(), float32, item.Tensor.device))])
            .DetachFromDisposeScope();
    }

    /// <summary>Every weight of a model: full fine-tuning, and training from scratch.</summary>
    public static ParameterSet OfModel(LlamaModel model)
    {
        var set = Create(model.Weights());
        model.ReplaceWeights(set.Views().ToDictionary(view => view.Name, view => view.Value));
        return set;
    }

    /// <summary>Name, value and gradient of each tensor; value and gradient are views.</summary>
    public IEnumerable<(string Name, Tensor Value, Tensor Gradient)> Views()
    {
        long offset = 0;
        foreach (var (name, shape) in _entries)
        {
            using var scope = NewDisposeScope();
            var length = shape.Aggregate(1L, (product, dimension) => product * dimension);
            var gradient = Gradients.narrow(0, offset, length).view(shape).DetachFromDisposeScope();
            var value = Values.narrow(0, offset, length).view(shape).detach().DetachFromDisposeScope();
            value.requires_grad = true;
            // A gradient that is already there is added to in place: the backward writes straight into the vector.
            value.grad = gradient;
            yield return (name, value, gradient);
            offset += length;
        }
    }

    private static ParameterSet Create(IEnumerable<(string Name, Tensor Tensor)> tensors, Tensor? rateFactors = null)
    {
        using var scope = NewDisposeScope();
        var list = tensors.ToList();
        var values = cat([.. list.Select(item => item.Tensor.detach().to_type(float32).reshape(-1))]);
        return new ParameterSet(values.DetachFromDisposeScope(),
            [.. list.Select(item => (item.Name, item.Tensor.shape))])
        { RateFactors = rateFactors };
    }

    public void Dispose()
    {
        Values.Dispose();
        Gradients.Dispose();
        Summed.Dispose();
        RateFactors?.Dispose();
    }
}
