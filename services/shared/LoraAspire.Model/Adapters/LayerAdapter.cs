using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Adapters;

/// <summary>An adapter at one layer.</summary>
/// <param name="Tensors">Float32, in the order of its kind's parameters.</param>
/// <param name="Scale">What multiplies its change of the layer.</param>
/// <param name="Dropout">Share of its inputs that training leaves out.</param>
public sealed record LayerAdapter(AdapterKind Kind, IReadOnlyList<Tensor> Tensors, double Scale = 1, double Dropout = 0) : TensorGroup
{
    public static LayerAdapter Of(AdapterConfig config, string layer, IReadOnlyList<Tensor> tensors) =>
        new(config.Kind, tensors, config.ScaleOf(layer), config.Dropout);

    protected override IEnumerable<IDisposable?> Parts => Tensors;

    public IEnumerable<(AdapterParameter Parameter, Tensor Tensor)> Parameters => Kind.Parameters.Zip(Tensors);

    public Tensor this[AdapterParameter parameter] => Parameters.First(item => ReferenceEquals(item.Parameter, parameter)).Tensor;

    /// <summary>The same adapter with other tensors.</summary>
    public LayerAdapter With(Func<Tensor, Tensor> make) => this with { Tensors = [.. Tensors.Select(make)] };

    /// <summary>Outputs or inputs of the layer that it was made for; null where no tensor says.</summary>
    internal long? SizeOf(Axis axis) => Parameters
        .SelectMany(item => item.Parameter.Axes.Index().Where(at => at.Item == axis).Select(at => (long?)item.Tensor.size(at.Index)))
        .FirstOrDefault();

    /// <param name="weight">Shape of the base's weight.</param>
    /// <exception cref="ModelException">It was made for a layer of another shape.</exception>
    public void RequireFits(string layer, IReadOnlyList<long> weight)
    {
        var (outputs, inputs) = (SizeOf(Axis.Out), SizeOf(Axis.In));
        if (weight is not [var rows, var columns] || (outputs ?? rows) != rows || (inputs ?? columns) != columns)
        {
            throw AdapterRefusal.OtherShape(layer, weight, [outputs, inputs]);
        }
    }
}
