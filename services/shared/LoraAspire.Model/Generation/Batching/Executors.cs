using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using TorchSharp;

namespace LoraAspire.Model.Generation.Batching;

/// <summary>Which executor runs a model: the one place that chooses.</summary>
public static class Executors
{
    /// <summary>Loads a model folder onto a device.</summary>
    /// <exception cref="ModelException">A file is missing, broken, or holds what no executor runs; or the weights asked for are none that
    /// the device's executor keeps.</exception>
    public static StepExecutor Load(string folder, torch.Device device, WeightFormat weights = WeightFormat.Auto) =>
        new TorchExecutor(LlamaModel.Load(folder, device, TypeOf(weights, device)));

    /// <summary>Over a model that is in memory, and stays its owner's.</summary>
    public static StepExecutor Of(LlamaModel model) => new TorchExecutor(model, owns: false, cacheBytes: 64 << 20);

    private static torch.ScalarType TypeOf(WeightFormat weights, torch.Device device) => weights switch
    {
        WeightFormat.F32 => torch.float32,
        WeightFormat.Bf16 => torch.bfloat16,
        WeightFormat.Q8_0 => throw new ModelException($"weights: q8_0 is not there on {device.type.ToString().ToLowerInvariant()}."),
        _ => CudaDevice.UsualType(device),
    };
}
