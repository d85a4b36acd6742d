using System.Globalization;
using LoraAspire.Model.Devices;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Model.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network;

/// <summary>Where a model's weights come from, and how they are listed and replaced.</summary>
public sealed partial class LlamaModel
{
    /// <summary>
    /// Loads config.json and the weights of a Hugging Face directory, as numbers even where the files hold them quantised. The weights need
    /// no gradient.
    /// </summary>
    /// <exception cref="ModelException">A file is missing, broken, or holds what this code can't run.</exception>
    public static LlamaModel Load(string directory, torch.Device device, ScalarType dtype)
    {
        var config = ModelConfig.Load(directory);
        using var files = WeightFiles.Open(directory);
        using WeightReader reader = new(files, device);
        return reader.Complete(new LlamaModel(config, device, dtype, (name, shape) => reader.Later(name, shape, dtype)));
    }

    /// <summary>
    /// A base that stays as it is while adapters are trained on it. What its files hold quantised stays so; of the rest the linear layers
    /// in the decoder are quantised as asked, each as soon as it is read, and embedding, head, norms and biases are left alone.
    /// </summary>
    /// <param name="quantisation">Null holds as numbers what the files do.</param>
    /// <inheritdoc cref="Initialize" path="/param[@name='shared']"/>
    /// <exception cref="ModelException">As <see cref="Load"/>; or the base can't be held so.</exception>
    public static LlamaModel LoadFrozen(string directory, torch.Device device, ScalarType dtype, Quantisation? quantisation,
        ICollective? shared = null)
    {
        var config = ModelConfig.Load(directory);
        if (config.Quantised is { } own && quantisation is not null)
        {
            var so = $"{directory} is quantised to {own.Word()} in its files, and";
            if (quantisation.Format != own)
            {
                throw new ModelException($"{so} can't be held in {quantisation.Name}: leave base_type out, or give an unquantised base.");
            }
            if (quantisation.Unsupported(config, dtype, device) is { } why)
            {
                throw new ModelException($"{so} {why}: give an unquantised base.");
            }
        }
        else
        {
            RequireHeld(config, device, dtype, quantisation);
        }
        using var files = WeightFiles.Open(directory);
        using WeightReader reader = new(files, device);
        // Of a layer that is shared a part is taken as soon as it is made.
        Tensor Read(string name, long[] shape) => shared is null ? reader.Later(name, shape, dtype) : reader.Now(name, shape, dtype);
        return reader.Complete(new LlamaModel(config, device, dtype, Read,
            (name, shape) => (QuantisedWeight?)files.Packed(name, shape)?.MovedTo(device) ?? quantisation switch
            {
                null => null,
                PackedQuantisation packed when files.Numbers(name, shape) is { } numbers =>
                    packed.Quantise(numbers.Read, shape, name, device),
                PackedQuantisation packed =>
                    packed.Quantise(files.Read(name, shape, float32, CPU).DetachFromDisposeScope(), name, device),
                _ => quantisation.Quantise(reader.Now(name, shape, dtype)),
            }, shared is null ? null : new LayerShards(config.NumHiddenLayers, shared)));
    }

    /// <summary>A model of the same weights in another type, where they are held as numbers and no adapter is attached.</summary>
    internal static LlamaModel CopyOf(LlamaModel model, ScalarType dtype)
    {
        var weights = model.Weights().ToDictionary(weight => weight.Name, weight => weight.Tensor);
        return new LlamaModel(model.Config, model.Device, dtype,
            (name, _) => weights[name].detach().to(dtype, copy: true).DetachFromDisposeScope())
        {
            NeftuneNoiseAlpha = model.NeftuneNoiseAlpha,
        };
    }

    private static void RequireHeld(ModelConfig config, torch.Device device, ScalarType dtype, Quantisation? quantisation)
    {
        if (quantisation?.Unsupported(config, dtype, device) is { } why)
        {
            throw new ModelException($"base_type is {quantisation.Name}, but {why}: leave base_type out.");
        }
    }

    /// <summary>
    /// A model of this shape with fresh weights, as transformers initialises one: normal(0, initializer_range), norms 1, biases 0.
    /// <paramref name="onDevice"/> draws them on the device: quicker for large shapes, but the numbers depend on the device.
    /// </summary>
    /// <exception cref="ModelException">The host's memory doesn't hold it.</exception>
    /// <param name="shared">Shares the layers' matrices with other devices, each of which has its part; null has them whole.</param>
    public static LlamaModel Initialize(ModelConfig config, torch.Device device, ScalarType dtype, long seed, bool onDevice = false,
        Quantisation? quantisation = null, ICollective? shared = null)
    {
        RequireRoom(config, dtype);
        RequireHeld(config, device, dtype, quantisation);
        RandomNumbers.Seed(device, seed);
        Tensor Fresh(string name, long[] shape)
        {
            using var scope = NewDisposeScope();
            var tensor =
                name.EndsWith(".bias", StringComparison.Ordinal) ? zeros(shape, dtype, device)
                : shape.Length == 1 ? ones(shape, dtype, device)
                : onDevice ? randn(shape, dtype, device).mul_(config.InitializerRange.AsScalar())
                : randn(shape, float32).mul_(config.InitializerRange.AsScalar()).to(dtype, device);
            return tensor.DetachFromDisposeScope();
        }
        return new LlamaModel(config, device, dtype, Fresh,
            quantisation is null ? null : (name, shape) => quantisation.Quantise(Fresh(name, shape)),
            shared is null ? null : new LayerShards(config.NumHiddenLayers, shared));
    }

    /// <summary>Nothing but a config.json says how large such a model is.</summary>
    private static void RequireRoom(ModelConfig config, ScalarType dtype)
    {
        double hidden = config.HiddenSize, width = (double)config.HeadDim * config.NumAttentionHeads, kvWidth =
            (double)config.HeadDim * config.NumKeyValueHeads;
        var weights = (config.VocabSize * hidden * (config.TieWordEmbeddings ? 1 : 2))
            + (config.NumHiddenLayers * ((2 * hidden * width) + (2 * hidden * kvWidth) + (3 * hidden * config.IntermediateSize)));
        double bytes = weights * ElementTypes.Size(dtype), there = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (bytes > there)
        {
            throw new ModelException(
                string.Create(CultureInfo.InvariantCulture,
                    $"config.json describes a model of {weights / 1e9:#,0.0} thousand million weights, which "
                        + $"take {bytes / (1 << 30):#,0} GiB; there are {there / (1 << 30):#,0}. Look at its sizes, or give the folder "
                        + $"its weights."));
        }
    }

    /// <summary>How many weights it has, in whatever they are held.</summary>
    public long WeightCount => _embedding.numel() + _norm.Weight.numel() + (Head?.Weight.numel() ?? 0)
        + Linears.Sum(linear => (linear.InFeatures * linear.OutFeatures) + (linear.Bias?.numel() ?? 0))
        + _layers.Sum(layer => layer.NamedNorms.Sum(norm => norm.Norm.Weight.numel()));

    /// <summary>Every weight that is held as numbers, under its name in a checkpoint; tied heads are not listed twice.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> Weights()
    {
        yield return ("model.embed_tokens.weight", _embedding);
        foreach (var layer in _layers)
        {
            foreach (var linear in layer.Linears)
            {
                if (linear.Quantised is null)
                {
                    yield return (linear.Name + ".weight", linear.Weight);
                }
                if (linear.Bias is { } bias)
                {
                    yield return (linear.Name + ".bias", bias);
                }
            }
            foreach (var (name, norm) in layer.NamedNorms)
            {
                yield return (name, norm.Weight);
            }
        }
        yield return ("model.norm.weight", _norm.Weight);
        if (Head is { } head)
        {
            yield return ("lm_head.weight", head.Weight);
        }
    }

    /// <summary>Puts tensors of the same names and shapes in place of all weights, which are disposed.</summary>
    public void ReplaceWeights(IReadOnlyDictionary<string, Tensor> weights)
    {
        Tensor Replace(string name, Tensor old)
        {
            old.Dispose();
            return weights[name];
        }
        _embedding = Replace("model.embed_tokens.weight", _embedding);
        foreach (var layer in _layers)
        {
            foreach (var linear in layer.Linears)
            {
                linear.ReplaceWeights(Replace);
            }
            foreach (var (name, norm) in layer.NamedNorms)
            {
                norm.Weight = Replace(name, norm.Weight);
            }
        }
        _norm.Weight = Replace("model.norm.weight", _norm.Weight);
        Head?.ReplaceWeights(Replace);
    }
}
