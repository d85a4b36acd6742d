using System.Globalization;
using System.Text.Json;
using LoraAspire.Machine;
using LoraAspire.Machine.Gpu;
using LoraAspire.Model.Native;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Cli.Doctor;

/// <summary>The libtorch that the trainer computes with, and the GPUs that driver and libtorch see.</summary>
internal static class TorchChecks
{
    public const string LibTorchName = "libtorch";

    /// <summary>Ampere: before it there is no bfloat16 in hardware, which the kernels compute in.</summary>
    private static readonly Version s_bfloat16 = new(CudaDevice.Bfloat16 / 10, CudaDevice.Bfloat16 % 10);

    public static async Task<IReadOnlyList<Check>> AllAsync(CancellationToken cancellationToken)
    {
        if (StageProgram.Of(StageKinds.All.First(kind => kind.Trains)) is not { } trainer)
        {
            return [Check.Warning(LibTorchName, "the trainer isn't built, so it couldn't be asked", "dotnet build LoraAspire.sln"),
                Gpu(null)];
        }
        var answer = await AskedProgram.RunAsync(MachineProgram.At(trainer), [LibTorchReport.Word], cancellationToken);
        var report = Read(answer);
        return [report is { Problem: null } ? Check.Ok(LibTorchName, Words(report))
            : Check.Failure(LibTorchName, report?.Problem ?? $"the trainer ended without an answer: {answer.Said}",
                $"docs/troubleshooting.md, GPU and libtorch; is {LibTorch.Variable} the lib folder of a PyTorch 2.10, and was the app "
                    + "built with it set?"), Gpu(report)];
    }

    internal static string Words(LibTorchReport report) =>
        $"{report.Version} loads{(report.Folder is { } folder ? $" from {folder}" : "")}, "
            + (report.Gpus > 0 ? $"with CUDA, sees {report.Gpus} GPU{(report.Gpus == 1 ? "" : "s")}" : "for the CPU");

    private static LibTorchReport? Read(AskedProgram.Answer answer)
    {
        try
        {
            return answer.Ok ? JsonSerializer.Deserialize<LibTorchReport>(answer.Said.Split('\n')[^1], MessageFormat.Json) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static Check Gpu(LibTorchReport? report) => Gpus.Open(out var why) is not { } gpus
        ? Check.Ok("GPU", $"none: everything runs on the CPU. {why}")
        : OfGpus([.. gpus.Read().Zip(gpus.Capabilities())], gpus.Driver, report?.Gpus);

    /// <param name="seen">How many libtorch sees; null where it couldn't be asked.</param>
    internal static Check OfGpus(IReadOnlyList<(GpuFigures Gpu, Version? Capability)> gpus, string driver, int? seen)
    {
        var words = string.Create(CultureInfo.InvariantCulture, $"driver {driver}: {string.Join(", ", gpus.Select(Words))}");
        return gpus.Count == 0 ? Check.Warning("GPU", $"driver {driver}, and no card", "is it passed through to this container?")
            : seen == 0 ? Check.Warning("GPU", $"{words}; libtorch sees none of them",
                $"set {LibTorch.Variable} to the torch/lib folder of a PyTorch 2.10 with CUDA and start the app again; "
                    + "is CUDA_VISIBLE_DEVICES empty?")
            : gpus.Any(gpu => gpu.Capability < s_bfloat16) ? Check.Warning("GPU", words,
                $"below compute capability {s_bfloat16} there is no bfloat16: training is in float32, and slower")
            : Check.Ok("GPU", words);

        static string Words((GpuFigures Gpu, Version? Capability) one) => one.Gpu.Name
            + (one.Gpu.MemoryTotal is { } bytes ? $" {DiskSpace.Words(bytes)}" : "")
            + (one.Capability is { } capability ? $", compute capability {capability}" : "");
    }
}
