using LoraAspire.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// Training without autograd: forward, loss and the gradients of packed rows, of adapters and of what modules_to_save trains whole, or of
/// all weights, by <see cref="Kernels"/> and matrix products. The same function as <see cref="LlamaModel.SummedLoss"/>
/// with its backward, which is what it is tested against.
/// </summary>
public sealed class FusedModel : IDisposable
{
    private readonly Kernels _kernels;
    private readonly FusedLayer[] _layers;
    private readonly FusedHead _head;
    private readonly WholeModel? _whole;
    private readonly LlamaModel _model;
    private readonly UnpackedWeights _memory = new();

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

    /// <param name="whole">Of which the model is the copy; null where its weights are frozen.</param>
    internal FusedModel(LlamaModel model, Kernels kernels, Options options, WholeModel? whole = null)
    {
        (_model, _kernels, _options, _whole, _head) = (model, kernels, options, whole, new FusedHead(kernels, model));
        _layers = [.. model.Layers.Select(layer => new FusedLayer(kernels, model.Dtype, _memory, layer, model.Shards))];
    }

    /// <summary>Why no model of this shape has the fast path, wherever it computes; null where that has nothing against it.</summary>
    public static string? Unsupported(ModelConfig config) =>
        config.HiddenSize % 2 != 0 || config.IntermediateSize % 2 != 0 ? "its widths are odd" : null;

    /// <summary>The same of this type on this device. Asked before anything is loaded.</summary>
    /// <param name="dtype">What is computed in.</param>
    public static string? Unsupported(ModelConfig config, ScalarType dtype, torch.Device device) =>
        Unsupported(config, dtype, device.type == DeviceType.CUDA ? CudaDevice.Capability() : null);

    /// <param name="capability">See <see cref="CudaDevice.Capability"/>; null on the CPU.</param>
    internal static string? Unsupported(ModelConfig config, ScalarType dtype, int? capability) => Unsupported(config)
        ?? (capability is not null || dtype == float32 || dtype == float16 ? null
            : "on the CPU it computes in float32 and float16 only");

    /// <summary>
    /// The fast path of a model with adapters attached, or all of whose weights are trained; null where it has none (the reason is given):
    /// then autograd does it.
    /// </summary>
    /// <param name="wholeType">What is computed in where all weights are trained, which are float32 themselves; null is the device's
    /// usual type.</param>
    public static FusedModel? Create(LlamaModel model, Options options, out string? why, ScalarType? wholeType = null)
    {
        var isAdapted = model.Linears.Any(linear => linear.Adapter is not null);
        var isWhole = !isAdapted && WholeModel.IsTrained(model);
        var type = !isWhole ? model.Dtype : wholeType ?? CudaDevice.UsualType(model.Device);
        why = !isAdapted && !isWhole ? "it has no adapter"
            : model.WhyAutograd ?? Unsupported(model.Config, type, model.Device);
        if (why is not null)
        {
            return null;
        }
        var onGpu = model.Device.type == DeviceType.CUDA;
        var plain = onGpu ? CudaKernels.Unsupported(model.Config, type, CudaDevice.Capability())
            : type == float16 ? "these compute in float32 only" : null;
        if (onGpu && type == float16)
        {
            backends.cuda.matmul.allow_fp16_reduced_precision_reduction = false; // partial sums would reach the end of its range
        }
        var whole = isWhole ? new WholeModel(model, type) : null;
        return new FusedModel(whole?.Copy ?? model, plain is not null ? new PlainKernels() : onGpu
            ? new CudaKernels(evenRows: !model.Config.HasUsualScores) : new CpuKernels(),
            options, whole)
        {
            WhyPlain = plain,
        };
    }

    private IEnumerable<FusedLinear> Linears => _layers.SelectMany(layer => layer.Linears);

    /// <summary>What is computed in.</summary>
    public ScalarType Dtype => _model.Dtype;

    /// <summary>Why it computes by libtorch's operators and not by kernels of its own; null where it has these.</summary>
    public string? WhyPlain { get; private init; }

    /// <summary>Rows needn't be of like length.</summary>
    public bool Packs => !_kernels.EvenRows;

    /// <summary>Tokens of the longest row that may share its first ones: with dynamic scaling a row beyond the context that the model was
    /// made for turns them by its own length.</summary>
    public static int MostShared(ModelConfig config) => config.Rope.IsDynamic ? config.MaxPositionEmbeddings : int.MaxValue;

    /// <summary>Rows on the model's device, in the layout its kernels want.</summary>
    public PackedRows Pack(IReadOnlyList<TrainingRow> rows)
    {
        if (_model.NeftuneNoiseAlpha > 0 && rows.Any(row => row.Shared.Length > 0))
        {
            throw new ArgumentException("NEFTune's noise goes by a row's length: rows share nothing.");
        }
        // Where memory runs out on the way nothing is left of it.
        using var scope = NewDisposeScope();
        var packed = PackedRows.From(rows, _model.Device, _kernels.EvenRows, MostShared(_model.Config)) with
        {
            NoiseStrengths = _model.NeftuneNoiseAlpha == 0 ? null : EmbeddingNoise.StrengthsOf(
                rows.SelectMany(row => Enumerable.Repeat(row.InputIds.Length, row.InputIds.Length)),
                _model.NeftuneNoiseAlpha, _model.Config.HiddenSize, _model.Device),
        };
        packed.DetachFromDisposeScope();
        return packed;
    }

    /// <summary>Before the first micro-batch of an optimiser step.</summary>
    public void BeginStep()
    {
        using var noGrad = no_grad();
        _whole?.BeginStep();
        _head.BeginStep();
        _kernels.Copy([.. Linears.SelectMany(linear => linear.BeginStep())]);
    }

    /// <summary>After the last: the adapters' gradients are added to what their tensors have. Those of whole modules are there
    /// already.</summary>
    public void EndStep()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        _kernels.Copy([.. Linears.SelectMany(linear => linear.EndStep())]);
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
        var x = Embed(rows, pass);
        Tensor? added = null;
        foreach (var layer in _layers)
        {
            walk.Step();
            var (output, summand, saved) = layer.Forward(x, added, pass);
            added?.Dispose();
            (x, added) = (summand is null ? output : output.alias(), summand);
            saved.Dispose();
        }
        return Head(added is null ? x : x.add(added, Scalars.One), rows, pass, gradientWanted: false).Loss.MoveToOuterDisposeScope();
    }

    /// <summary>The same loss with the adapters' dropout, and its gradients.</summary>
    /// <param name="seed">Of the optimiser step: a row draws the same wherever it is computed.</param>
    /// <param name="scale">[] float32: what the gradients are multiplied by; null is 1.</param>
    public Tensor Backward(PackedRows rows, long seed, LayerWalk walk, Tensor? scale = null)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var pass = Pass(rows, seed);
        var saved = new SavedLayer?[_layers.Length];
        var inputs = new Tensor[_layers.Length];
        try
        {
            var (loss, top) = Head(Forward(rows, pass, walk, saved, inputs), rows, pass, gradientWanted: true, scale);
            var gradient = _kernels.As(top!, _layers[^1].Gradient);
            for (var i = _layers.Length - 1; i >= 0; i--)
            {
                walk.Step();
                if (_options.Recompute)
                {
                    (var output, var added, saved[i]) = _layers[i].Forward(inputs[i], null, pass);
                    (added ?? output).Dispose();
                }
                var below = i > 0 ? _layers[i - 1].Gradient : _model.EmbeddingGradient is null ? null : Form.Plain;
                var next = _layers[i].Backward(gradient, saved[i]!, pass, below);
                saved[i]!.Dispose();
                gradient.Dispose();
                gradient = next!;
            }
            if (gradient is not null)
            {
                _model.AddEmbeddingGradient(rows.Ids, gradient.Wide!);
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
        var x = Embed(rows, pass);
        Tensor? added = null;
        for (var i = 0; i < _layers.Length; i++)
        {
            walk.Step();
            (var output, var summand, saved[i]) = _layers[i].Forward(x, added, pass);
            added?.Dispose();
            (x, added) = (output, summand);
            if (_options.Recompute)
            {
                inputs[i] = saved[i]!.Attention.X.alias();
                x = added is null ? output : output.add(added, Scalars.One);
                added?.Dispose();
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

    /// <summary>[T, hidden], with noise where something is drawn.</summary>
    private Tensor Embed(PackedRows rows, FusedPass pass) => _model.Embed(rows.Ids.unsqueeze(0), pass.Seed is { } draw
        && rows.NoiseStrengths is { } strengths ? new EmbeddingNoise(rows.Numbers, strengths, draw.Seed) : null).squeeze(0);

    private FusedPass Pass(PackedRows rows, long? seed)
    {
        if (rows.MaxLength > _model.Config.Context)
        {
            throw new ModelException($"{rows.MaxLength} tokens do not fit into the context of {_model.Config.Context}.");
        }
        var (cos, sin) = _model.Rope.Of(rows.Turns);
        TokenDraw? Draw(Tensor numbers) => seed is { } drawn ? new TokenDraw(drawn, numbers) : null;
        var some = rows.Targets.At.size(0) is var count && count > 0 && count < rows.Ids.size(0);
        return new FusedPass(rows, cos, sin, Draw(rows.Numbers))
        {
            Last = some ? new Chosen(rows.Targets.At, Draw(rows.Numbers.index_select(0, rows.Targets.At))) : null,
        };
    }

    /// <summary>Norm, head and loss at the positions that carry a target, some at a time.</summary>
    /// <param name="x">The last layer's output, of the chosen tokens where it has chosen some: these are the positions.</param>
    /// <param name="scale">Of the gradient; null is 1.</param>
    /// <returns>∂L/∂x</returns>
    private (Tensor Loss, Tensor? Gradient) Head(Tensor x, PackedRows rows, FusedPass pass, bool gradientWanted, Tensor? scale = null)
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
            var (hidden, normed, inverse) = _kernels.Norm(own, null, _model.LastNorm.Factors, _model.Config.RmsNormEps, Form.Plain);
            var logits = _head.Forward(normed.Wide!, Math.Min(_options.HeadRows, count));
            var slope = _head.Cap(logits, gradientWanted);
            var losses = _kernels.CrossEntropy(logits, rows.Targets.Ids.narrow(0, start, size),
                scale is null ? weights : weights.mul(scale));
            loss.add_(losses.dot(weights), Scalars.One);
            if (gradient is null)
            {
                continue;
            }
            var back = _head.Backward(normed.Wide!, slope is null ? logits : logits.mul_(slope));
            _model.LastNorm.AddGradient(back, hidden, inverse);
            var part = _kernels.NormBackward(back, hidden, inverse, _model.LastNorm.Factors, null, Form.Plain).Wide!;
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

    public void Dispose() => TensorGroup.DisposeAll([.. _layers, _head, _memory, _whole]);
}
