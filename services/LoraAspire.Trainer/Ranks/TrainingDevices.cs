using LoraAspire.Model.Native;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Stages;
using TorchSharp;

namespace LoraAspire.Trainer.Ranks;

/// <summary>The devices that a training takes. Each process sees its own as its first.</summary>
/// <param name="Own">This process's.</param>
/// <param name="Names">Of GPUs, as CUDA_VISIBLE_DEVICES has them; empty on the CPU.</param>
internal sealed record TrainingDevices(torch.Device Own, int Count, IReadOnlyList<string> Names)
{
    public const string Visible = GpuClaims.Variable;

    /// <summary>Every one, as this process numbers them.</summary>
    public IEnumerable<torch.Device> All => Own.type == DeviceType.CUDA
        ? Enumerable.Range(0, Count).Select(index => new torch.Device(DeviceType.CUDA, index)) : [Own];

    /// <summary>Where GPUs are named, this process and those it starts see no others. Once, before libtorch is loaded.</summary>
    /// <exception cref="StageException">The environment shows fewer.</exception>
    public static void Show(TrainerParams settings)
    {
        var visible = GpuClaims.Shown;
        if (settings is { Device: not Device.Cpu, Devices.Gpus: { } numbers })
        {
            if (visible is not null && numbers.Any(number => number >= visible.Length))
            {
                throw new StageException($"devices is {settings.Devices}, but {Visible}={string.Join(',', visible)} shows "
                    + $"{visible.Length}: they are numbered from 0.");
            }
            visible = [.. numbers.Select(number => visible?[number] ?? $"{number}")];
            NativeProcess.SetVariable(Visible, string.Join(',', visible), overwrite: true);
        }
    }

    /// <exception cref="StageException">There are fewer.</exception>
    /// <exception cref="Model.ModelException">cuda where there is no GPU.</exception>
    public static TrainingDevices Of(TrainerParams settings)
    {
        var visible = GpuClaims.Shown;
        var own = ComputeDevice.Of(settings.Device.ToString());
        if (own.type == DeviceType.CPU)
        {
            return settings.Devices.Gpus is null ? new(own, settings.Devices.Count ?? 1, [])
                : throw new StageException($"devices is {settings.Devices}, but this libtorch sees no GPU. Start with LORA_LIBTORCH set to "
                    + "the lib folder of a libtorch with CUDA, or give a number of processes.");
        }
        var there = torch.cuda.device_count();
        var count = settings.Devices.Count ?? there;
        return count > there
            ? throw new StageException($"devices is {settings.Devices}, but libtorch sees {there} of these GPUs. `lora gpu` shows the "
                + "machine's; lower devices, or set it to auto.")
            : new(own, count, [.. Enumerable.Range(0, count).Select(index => visible?[index] ?? $"{index}")]);
    }
}
