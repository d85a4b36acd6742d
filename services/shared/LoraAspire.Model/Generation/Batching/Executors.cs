using LoraAspire.Model.Generation.Cpu;
using LoraAspire.Model.Generation.Cuda;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using TorchSharp;

namespace LoraAspire.Model.Generation.Batching;

/// <summary>Which executor runs a model: the one place that chooses.</summary>
public static class Executors
{
    /// <summary>Answers that one step computes at most: that many callers get their tokens at the same pace.</summary>
    private const int AtOnce = 256;

    /// <summary>Loads a model folder onto a device.</summary>
    /// <exception cref="ModelException">A file is missing, broken, or holds what no executor runs; or the weights asked for are none that
    /// the device's executor keeps.</exception>
    public static StepExecutor Load(string folder, torch.Device device, WeightFormat weights = WeightFormat.Auto) => device.type switch
    {
        DeviceType.CPU => CpuExecutor.Load(folder, new CpuOptions { Weights = OnCpu(weights), MostSequences = AtOnce }),
        DeviceType.CUDA when weights is WeightFormat.Auto or WeightFormat.Bf16
            && CudaExecutor.Unsupported(ModelConfig.Load(folder)) is null => CudaExecutor.Load(folder),
        _ => new TorchExecutor(LlamaModel.Load(folder, device, ByTorch(weights, device))),
    };

    /// <summary>Over a model that is in memory, and stays its owner's.</summary>
    /// <param name="cacheTokens">Positions that the cache holds: beside a model in training there is little memory.</param>
    public static StepExecutor Of(LlamaModel model, int cacheTokens) =>
        // The pass written for the CPU knows no adapters but LoRA.
        model.Device.type == DeviceType.CPU && model.Linears.All(linear => linear.Adapter?.Kind.Added(linear.Adapter) is not null
            || linear.Adapter is null)
            ? CpuExecutor.Of(model, new CpuOptions { CacheBytes = BytesOf(model.Config, cacheTokens) })
            : new TorchExecutor(model, owns: false, cacheTokens);

    /// <summary>Keys and values in float32, whole blocks.</summary>
    private static long BytesOf(ModelConfig config, int tokens) => 2L * config.NumHiddenLayers * config.NumKeyValueHeads * config.HeadDim
        * sizeof(float) * (tokens + StepExecutor.BlockSize);

    private static CpuWeights OnCpu(WeightFormat weights) => weights switch
    {
        WeightFormat.Bf16 => CpuWeights.BFloat16,
        WeightFormat.Q8_0 => CpuWeights.Q8_0,
        _ => CpuWeights.Float32,
    };

    private static torch.ScalarType ByTorch(WeightFormat weights, torch.Device device) => weights switch
    {
        WeightFormat.F32 => torch.float32,
        WeightFormat.Bf16 => torch.bfloat16,
        WeightFormat.Q8_0 => throw new ModelException($"weights: q8_0 is for the CPU; on {device.type.ToString().ToLowerInvariant()} "
            + "there are f32 and bf16."),
        _ => CudaDevice.UsualType(device),
    };
}
