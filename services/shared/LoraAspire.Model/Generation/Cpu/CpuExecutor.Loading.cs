using LoraAspire.Model.Adapters;
using LoraAspire.Model.Generation.Cpu.Loading;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Model.Weights;
using TorchSharp;

namespace LoraAspire.Model.Generation.Cpu;

/// <summary>Where its weights come from.</summary>
public sealed partial class CpuExecutor
{
    /// <summary>
    /// Loads a Hugging Face folder, one tensor at a time. Weights that the file has in the form asked for, aligned to a cache line, stay
    /// in the mapped file; those that it has in 4 or 8 bits stay so, and are dequantised a few rows at a time.
    /// </summary>
    /// <exception cref="ModelException">A file is missing, broken, or holds what this code can't run; or there is no room.</exception>
    public static CpuExecutor Load(string folder, CpuOptions options)
    {
        var config = ModelConfig.Load(folder);
        using var files = WeightFiles.Open(folder);
        return Of(config, options, (name, shape) => Read(files, name, shape), attached: []);
    }

    /// <summary>
    /// Computes what a model does that is loaded already, with the LoRA adapters and the whole weights (modules_to_save) that it has now.
    /// Float32 weights are shared: the model must outlive this, and its base must stay as it is.
    /// </summary>
    /// <exception cref="ModelException">It is not on the processor, or its adapters are of a kind that has to be merged.</exception>
    public static CpuExecutor Of(LlamaModel model, CpuOptions options)
    {
        if (model.Device.type != DeviceType.CPU)
        {
            throw new ModelException($"The model is on {model.Device}; this executor computes on the processor.");
        }
        var packed = model.Linears.Where(linear => linear.Quantised is PackedWeight)
            .ToDictionary(linear => linear.Name + ".weight", linear => (PackedWeight)linear.Quantised!);
        var weights = model.Weights().ToDictionary(weight => weight.Name, weight => weight.Tensor);
        foreach (var (path, trained) in model.TrainedModules())
        {
            weights[path + ".weight"] = trained;
        }
        var attached = model.Linears.Where(linear => linear.Adapter is not null)
            .Select(linear => KeyValuePair.Create(linear.Name, linear.Adapter!)).ToList();
        return Of(model.Config, options, (name, _) => packed.TryGetValue(name, out var weight)
            ? RawWeights.Of(weight, owned: false) : Of(weights[name], owned: false), attached);
    }

    private static CpuExecutor Of(ModelConfig config, CpuOptions options, Func<string, long[], RawWeights> read,
        IReadOnlyList<KeyValuePair<string, LayerAdapter>> attached)
    {
        var kernels = Kernels.Of(options.VectorBits);
        var maker = new MatrixMaker(kernels, options.Weights);
        var network = new CpuNetwork(config, maker, read);
        CpuAdapter? adapter = null;
        try
        {
            adapter = attached.Count == 0 ? null : new CpuAdapter(network, maker, attached);
            return new CpuExecutor(network, maker, kernels, options, adapter);
        }
        catch
        {
            adapter?.Dispose();
            network.Dispose();
            throw;
        }
    }

    private static RawWeights Read(WeightFiles files, string name, long[] shape)
    {
        if (files.Packed(name, shape) is { } packed)
        {
            return RawWeights.Of(packed, owned: true);
        }
        if (files.Map(name, shape) is { } mapped)
        {
            if (mapped.Dtype is torch.ScalarType.Float32 or torch.ScalarType.BFloat16 or torch.ScalarType.Float16)
            {
                return new RawWeights(mapped.Address, mapped.Dtype, mapped);
            }
            mapped.Dispose();
        }
        return Of(files.Read(name, shape, torch.float32, torch.CPU).DetachFromDisposeScope(), owned: true);
    }

    /// <param name="owned">The tensor goes when the weights do.</param>
    private static RawWeights Of(torch.Tensor tensor, bool owned)
    {
        if (tensor.dtype is torch.ScalarType.Float32 or torch.ScalarType.BFloat16 or torch.ScalarType.Float16 && tensor.is_contiguous())
        {
            return new RawWeights(Aten.Data(tensor), tensor.dtype, owned ? tensor : null);
        }
        using var scope = torch.NewDisposeScope();
        var copy = tensor.detach().to(torch.float32).contiguous().DetachFromDisposeScope();
        return new RawWeights(Aten.Data(copy), torch.float32, copy);
    }
}
