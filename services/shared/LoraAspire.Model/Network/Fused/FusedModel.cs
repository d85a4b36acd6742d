using LoraAspire.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// LoRA training of a frozen model without autograd: forward, loss and the adapters' gradients of packed rows, by <see cref="Kernels"/> and
/// matrix products. The same function as <see cref="LlamaModel.SummedLoss"/> with its backward, which is what it is tested against.
/// </summary>
public sealed class FusedModel : IDisposable
{
    private readonly Kernels _kernels;
    private readonly FusedLayer[] _layers;
    private readonly LlamaModel _model;
    private readonly UnpackedWeights _memory = new();
    private Tensor? _logits; // on the CPU, where fresh memory of that size costs as much as a tenth of the product

    /// <summary>Which activations the backward finds saved, and which it computes again.</summary>
    /// <param name="Recompute">Keep only each layer's input and run its forward again: a third more work, a tenth of the memory.</param>
    /// <param name="HeadRows">Positions that go through the head together.</param>
    public sealed record Options(bool Recompute = false, int HeadRows = 4096)
    {
        public static Options LowMemory { get; } = new(Recompute: true, HeadRows: 512);

        /// <summary>
        /// Fewer rows don't pay for the packing of the head's weight, which a product begins with: by 128 some processors lose a third.
        /// </summary>
        private static readonly Options s_onCpu = new(HeadRows: 512);

        private static readonly Options s_onGpu = new();

        /// <summary>Those that a trainer takes.</summary>
        public static Options For(bool lowMemory, bool onGpu) => lowMemory ? LowMemory : onGpu ? s_onGpu : s_onCpu;
    }

    private readonly Options _options;

    internal FusedModel(LlamaModel model, Kernels kernels, Options options)
    {
        (_model, _kernels, _options) = (model, kernels, options);
        _layers = [.. model.Layers.Select(layer => new FusedLayer(kernels, model.Dtype, _memory, layer, model.Shards))];
    }

    /// <summary>Why no model of this shape has the fast path, wherever it computes; null where that has nothing against it.</summary>
    public static string? Unsupported(ModelConfig config) => config.WhyAutograd
        ?? (config.Rope.IsDynamic ? "its rope_type is dynamic, whose frequencies depend on each row's length" : null);

    /// <summary>The same of this type on this device. Asked before anything is loaded.</summary>
    /// <param name="dtype">What is computed in.</param>
    public static string? Unsupported(ModelConfig config, ScalarType dtype, torch.Device device) =>
        Unsupported(config, dtype, device.type == DeviceType.CUDA ? CudaDevice.Capability() : null);

    /// <param name="capability">See <see cref="CudaDevice.Capability"/>; null on the CPU.</param>
    internal static string? Unsupported(ModelConfig config, ScalarType dtype, int? capability) => Unsupported(config)
        ?? (capability is { } gpu ? CudaKernels.Unsupported(config, dtype, gpu)
        : dtype == float32 ? null : "on the CPU it computes in float32 only");

    /// <summary>
    /// The fast path of a model with adapters attached; null where it has none (the reason is given): then autograd does it.
    /// </summary>
    public static FusedModel? Create(LlamaModel model, Options options, out string? why)
    {
        why = model.Linears.All(linear => linear.Adapter is null) ? "it has no adapter"
            : model.WhyAutograd ?? Unsupported(model.Config, model.Dtype, model.Device);
        return why is not null ? null
            : new FusedModel(model, model.Device.type == DeviceType.CUDA ? new CudaKernels() : new CpuKernels(), options);
    }

    /// <summary>Rows on the model's device, in the layout its kernels want.</summary>
    public PackedRows Pack(IReadOnlyList<TrainingRow> rows) => PackedRows.From(rows, _model.Device, _kernels.Padded);

    /// <summary>Before the first micro-batch of an optimiser step.</summary>
    public void BeginStep()
    {
        using var noGrad = no_grad();
        foreach (var linear in _layers.SelectMany(layer => layer.Linears))
        {
            linear.BeginStep();
        }
    }

    /// <summary>After the last: the adapters' gradients are added to what their tensors have.</summary>
    public void EndStep()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var linear in _layers.SelectMany(layer => layer.Linears))
        {
            linear.EndStep();
        }
    }

    /// <summary>
    /// A pass over the layers, to be opened before its rows are packed, since that may fail. Disposed without any, it is the pass of a
    /// device that has no rows.
    /// </summary>
    /// <param name="back">With its backward.</param>
    public LayerWalk Walk(bool back) => new(_model.Shards, _layers.Length, back);

    /// <summary>Σ weight · −log p(target), a scalar float32 on the device; nothing is kept.</summary>
    public Tensor Loss(PackedRows rows, LayerWalk walk)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var pass = Pass(rows, null);
        var x = _model.EmbeddingWeight.index_select(0, rows.Ids);
        Tensor? added = null;
        foreach (var layer in _layers)
        {
            walk.Step();
            var (middle, mlp, saved) = layer.Forward(x, added, pass);
            added?.Dispose();
            (x, added) = (middle.alias(), mlp);
            saved.Dispose();
        }
        return Head(x.add(added!, Scalars.One), rows, pass, gradientWanted: false).Loss.MoveToOuterDisposeScope();
    }

    /// <summary>The same loss with the adapters' dropout, and its gradients.</summary>
    /// <param name="seed">Of the optimiser step: a row draws the same wherever it is computed.</param>
    public Tensor Backward(PackedRows rows, long seed, LayerWalk walk)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var pass = Pass(rows, seed);
        var saved = new SavedLayer?[_layers.Length];
        var inputs = new Tensor[_layers.Length];
        try
        {
            var (loss, top) = Head(Forward(rows, pass, walk, saved, inputs), rows, pass, gradientWanted: true);
            var gradient = _kernels.As(top!, _layers[^1].Gradient);
            for (var i = _layers.Length - 1; i >= 0; i--)
            {
                walk.Step();
                if (_options.Recompute)
                {
                    (_, var mlp, saved[i]) = _layers[i].Forward(inputs[i], null, pass);
                    mlp.Dispose();
                }
                var next = _layers[i].Backward(gradient, saved[i]!, pass, i > 0 ? _layers[i - 1].Gradient : null);
                saved[i]!.Dispose();
                gradient.Dispose();
                gradient = next!;
            }
            return loss.MoveToOuterDisposeScope();
        }
        finally
        {
            // What ran out of memory is tried again with fewer tokens, which needs the room.
            TensorGroup.DisposeAll(saved);
        }
    }

    /// <summary>
    /// The last layer's output; what the backward needs goes into <paramref name="saved"/>, or with recomputation into <paramref
    /// name="inputs"/>.
    /// </summary>
    private Tensor Forward(PackedRows rows, FusedPass pass, LayerWalk walk, SavedLayer?[] saved, Tensor[] inputs)
    {
        var x = _model.EmbeddingWeight.index_select(0, rows.Ids);
        Tensor? added = null;
        for (var i = 0; i < _layers.Length; i++)
        {
            walk.Step();
            (var middle, var mlp, saved[i]) = _layers[i].Forward(x, added, pass);
            added?.Dispose();
            (x, added) = (middle, mlp);
            if (_options.Recompute)
            {
                inputs[i] = saved[i]!.Attention.X.alias();
                x = middle.add(mlp, Scalars.One);
                mlp.Dispose();
                saved[i]!.Dispose();
                (added, saved[i]) = (null, null);
            }
        }
        if (added is null)
        {
            return x;
        }
        using (added)
        {
            return x.add(added, Scalars.One);
        }
    }

    private FusedPass Pass(PackedRows rows, long? seed)
    {
        if (rows.MaxLength > _model.Config.MaxPositionEmbeddings)
        {
            throw new ModelException($"{rows.MaxLength} tokens do not fit into the context of {_model.Config.MaxPositionEmbeddings}.");
        }
        var (cos, sin) = _model.Rope.UpTo(rows.MaxLength);
        TokenDraw? Draw(Tensor numbers) => seed is { } drawn ? new TokenDraw(drawn, numbers) : null;
        // Padded rows go on whole.
        var some = !_kernels.Padded && rows.Targets.At.size(0) is var count && count > 0 && count < rows.Ids.size(0);
        return new FusedPass(rows, cos, sin, Draw(rows.Numbers))
        {
            Last = some ? new Chosen(rows.Targets.At, Draw(rows.Numbers.index_select(0, rows.Targets.At))) : null,
        };
    }

    /// <summary>Norm, head and loss at the positions that carry a target, some at a time.</summary>
    /// <param name="x">The last layer's output, of the chosen tokens where it has chosen some: these are the positions.</param>
    /// <returns>∂L/∂x</returns>
    private (Tensor Loss, Tensor? Gradient) Head(Tensor x, PackedRows rows, FusedPass pass, bool gradientWanted)
    {
        using var scope = NewDisposeScope();
        var loss = zeros(1, device: x.device);
        var gradient = gradientWanted ? zeros_like(x) : null;
        var count = rows.Targets.Ids.size(0);
        for (long start = 0; start < count; start += _options.HeadRows)
        {
            using var chunk = NewDisposeScope();
            var size = Math.Min(_options.HeadRows, count - start);
            Tensor at = rows.Targets.At.narrow(0, start, size), weights = rows.Targets.Weights.narrow(0, start, size);
            var own = pass.Last is null ? x.index_select(0, at) : x.narrow(0, start, size);
            var (hidden, normed, inverse) = _kernels.Norm(own, null, _model.LastNorm.Weight, _model.Config.RmsNormEps, Form.Plain);
            var logits = Logits(normed.Wide!, Math.Min(_options.HeadRows, count));
            var losses = _kernels.CrossEntropy(logits, rows.Targets.Ids.narrow(0, start, size), weights);
            loss.add_(losses.dot(weights), Scalars.One);
            if (gradient is null)
            {
                continue;
            }
            var part = _kernels.NormBackward(logits.mm(_model.HeadWeight), hidden, inverse, _model.LastNorm.Weight, null, Form.Plain).Wide!;
            if (pass.Last is null)
            {
                gradient.index_copy_(0, at, part);
            }
            else
            {
                gradient.narrow(0, start, size).copy_(part);
            }
        }
        return (loss.squeeze(0).MoveToOuterDisposeScope(), gradient?.MoveToOuterDisposeScope());
    }

    /// <summary>[rows, vocab]; on the CPU good until the next are asked for.</summary>
    /// <param name="most">Rows that may be asked for until this micro-batch is done.</param>
    private Tensor Logits(Tensor normed, long most)
    {
        if (normed.device_type != DeviceType.CPU)
        {
            return normed.mm(_model.HeadWeight.t());
        }
        if (_logits is null || _logits.size(0) < most)
        {
            _logits?.Dispose();
            _logits = empty(most, _model.HeadWeight.size(0)).DetachFromDisposeScope();
        }
        return _logits.narrow(0, 0, normed.size(0)).addmm_(normed, _model.HeadWeight.t(), 0, 1);
    }

    public void Dispose() => TensorGroup.DisposeAll([.. _layers, _memory, _logits]);
}
