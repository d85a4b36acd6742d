using System.CommandLine;
using System.Globalization;
using LoraAspire.Machine.Gpu;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Cli;

/// <summary>What gpustat shows. Needs neither Redis nor the app.</summary>
internal static class GpuCommand
{
    public static Command Create()
    {
        var command = new Command("gpu", "Show what this machine's NVIDIA GPUs are doing: memory, utilisation, temperature, power.");
        command.SetAction(_ =>
        {
            var gpus = Gpus.Open(out var why) ?? throw new CliException(why);
            Console.WriteLine(
                $"{Environment.MachineName}  "
                    + $"{TimeProvider.System.GetLocalNow().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)}  "
                + $"driver {gpus.Driver}");
            foreach (var gpu in gpus.Read())
            {
                Console.WriteLine($"[{gpu.Index}] {gpu.Name} | {GpuText.Of(gpu)}");
            }
            return 0;
        });
        return command;
    }
}
