using System.Text;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Machine.Gpu;

/// <summary>The NVIDIA GPUs of this machine, as the driver sees them.</summary>
public sealed class Gpus
{
    private const int MostProcesses = 128;
    private readonly IReadOnlyList<nint> _devices;

    private Gpus(string driver, IReadOnlyList<nint> devices) => (Driver, _devices) = (driver, devices);

    /// <summary>The driver's version.</summary>
    public string Driver { get; }

    /// <summary>Null on a machine without NVIDIA driver; <paramref name="why"/> says what is missing.</summary>
    public static Gpus? Open(out string why)
    {
        if (!Nvml.IsThere())
        {
            why = "No NVIDIA driver here: libnvidia-ml.so.1 is not installed. It comes with the driver; in a container, start with the "
                + "GPU passed through.";
            return null;
        }
        var version = new byte[Nvml.NameLength];
        if (Nvml.Init() is var code && code != Nvml.Success)
        {
            why = $"The NVIDIA driver's library is here, but no driver answers (nvmlInit gave {code}). Is the kernel module loaded?";
            return null;
        }
        _ = Nvml.DriverVersion(version, (uint)version.Length);
        _ = Nvml.Count(out var count);
        var devices = new List<nint>();
        for (uint index = 0; index < count; index++)
        {
            if (Nvml.ByIndex(index, out var device) == Nvml.Success)
            {
                devices.Add(device);
            }
        }
        why = "";
        return new Gpus(Text(version), devices);
    }

    /// <summary>Those that a worker in this process's environment may compute on, in the order of CUDA_VISIBLE_DEVICES.</summary>
    public IReadOnlyList<GpuCard> Visible() =>
        GpuCard.Visible([.. _devices.Select(Card).OfType<GpuCard>()], Environment.GetEnvironmentVariable("CUDA_VISIBLE_DEVICES"));

    /// <summary>What every GPU is doing now.</summary>
    public IReadOnlyList<GpuFigures> Read() => [.. _devices.Select(Read)];

    /// <summary>The compute capability of each GPU, in the order of <see cref="Read()"/>; null of one that doesn't tell.</summary>
    public IReadOnlyList<Version?> Capabilities() =>
        [.. _devices.Select(device => Nvml.ComputeCapability(device, out var major, out var minor) == Nvml.Success
            ? new Version(major, minor) : null)];

    /// <summary>What every GPU is doing now, and who computes on it.</summary>
    public IReadOnlyList<GpuReading> ReadWithProcesses() =>
        [.. _devices.Select((device, at) => new GpuReading(Uuid(device) ?? $"GPU {at}", Read(device), Processes(device)))];

    /// <summary>What one GPU is doing now; null when there is none at that place.</summary>
    /// <param name="pciBusId">As CUDA gives it (0000:1B:00.0): CUDA may number GPUs in another order, and hide some.</param>
    public GpuFigures? Read(string pciBusId) => Nvml.ByPciBusId(pciBusId, out var device) == Nvml.Success ? Read(device) : null;

    private static GpuCard? Card(nint device)
    {
        var figures = Read(device);
        return Uuid(device) is { } uuid ? new(figures.Index, uuid, figures.Name, figures.MemoryTotal) : null;
    }

    private static string? Uuid(nint device)
    {
        var uuid = new byte[Nvml.NameLength];
        return Nvml.Uuid(device, uuid, (uint)uuid.Length) == Nvml.Success ? Text(uuid) : null;
    }

    /// <summary>Null where the driver doesn't tell.</summary>
    private static IReadOnlyList<GpuProcess>? Processes(nint device)
    {
        var processes = new Nvml.ProcessInfo[MostProcesses];
        var count = (uint)processes.Length;
        try
        {
            return Nvml.ComputeProcesses(device, ref count, processes) != Nvml.Success ? null
                : [.. processes.Take((int)Math.Min(count, MostProcesses)).Select(process => GpuProcess.Of((int)process.Id,
                    process.UsedMemory == ulong.MaxValue ? null : (long)process.UsedMemory))];
        }
        catch (EntryPointNotFoundException)
        {
            return null; // a driver before 510
        }
    }

    private static GpuFigures Read(nint device)
    {
        var name = new byte[Nvml.NameLength];
        _ = Nvml.Name(device, name, (uint)name.Length);
        _ = Nvml.Index(device, out var index);
        var memory = Nvml.MemoryInfo(device, out var read) == Nvml.Success ? read : (Nvml.Memory?)null;
        return new GpuFigures((int)index, Text(name))
        {
            MemoryUsed = (long?)memory?.Used,
            MemoryTotal = (long?)memory?.Total,
            Utilization = Nvml.UtilizationRates(device, out var utilization) == Nvml.Success ? (int)utilization.Gpu : null,
            Temperature = Nvml.Temperature(device, Nvml.TemperatureOfGpu, out var celsius) == Nvml.Success ? (int)celsius : null,
            PowerWatts = Nvml.PowerUsage(device, out var power) == Nvml.Success ? power / 1000.0 : null,
            PowerLimitWatts = Nvml.PowerLimit(device, out var limit) == Nvml.Success ? limit / 1000.0 : null,
        };
    }

    private static string Text(byte[] zeroTerminated) =>
        Encoding.UTF8.GetString(zeroTerminated, 0, Math.Max(0, Array.IndexOf(zeroTerminated, (byte)0)));
}
