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
        var json = JsonScreen.Option();
        var command = new Command("gpu", "Show what this machine's NVIDIA GPUs are doing: memory, utilisation, temperature, power.")
        {
            json,
        };
        command.SetAction(parsed =>
        {
            var gpus = Gpus.Open(out var why) ?? throw new CliException(why, ExitCode.Lacking);
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(new { host = Environment.MachineName, gpus.Driver, gpus = gpus.Read() });
                return 0;
            }
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
