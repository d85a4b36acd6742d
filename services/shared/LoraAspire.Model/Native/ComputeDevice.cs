using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Native;

/// <summary>What a model computes on.</summary>
public static class ComputeDevice
{
    /// <param name="name">auto (the first GPU that libtorch sees, else the CPU), cpu or cuda, in any case.</param>
    /// <exception cref="ModelException">cuda where there is no GPU.</exception>
    public static torch.Device Of(string name) => name.ToLowerInvariant() switch
    {
        "cpu" => CPU,
        "auto" => cuda.is_available() ? CUDA : CPU,
        "cuda" => cuda.is_available() ? CUDA
            : throw new ModelException("device is cuda, but this libtorch sees no GPU. Start with LORA_LIBTORCH set to the lib folder of "
                + "a libtorch with CUDA, or set device: cpu."),
        _ => throw new ArgumentException($"'{name}' is no device: auto, cpu, cuda.", nameof(name)),
    };
}
