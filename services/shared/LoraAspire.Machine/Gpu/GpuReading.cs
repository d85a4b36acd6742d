using System.ComponentModel;
using System.Diagnostics;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Machine.Gpu;

/// <summary>A GPU of this machine at one moment.</summary>
/// <param name="Id">The driver's own name for it: GPU-8f6c….</param>
public sealed record GpuReading(string Id, GpuFigures Figures, IReadOnlyList<GpuProcess>? Processes);

/// <summary>Who computes on a GPU.</summary>
/// <param name="Name">Null where it is none that this process sees, as one of another container.</param>
/// <param name="Memory">Bytes; null where the driver doesn't tell.</param>
public sealed record GpuProcess(int Id, string? Name, long? Memory)
{
    /// <summary>Whose it is; null where that isn't known.</summary>
    public string? User { get; init; }

    /// <summary>The processes that it comes from, the one that started it first; none where they aren't known.</summary>
    public IReadOnlyList<int> Ancestors { get; init; } = [];

    public static GpuProcess Of(int id, long? memory)
    {
        try
        {
            using var process = Process.GetProcessById(id);
            var linux = LinuxProcess.Of(id);
            return new(id, process.ProcessName, memory) { User = linux.User, Ancestors = linux.Ancestors };
        }
        catch (Exception gone) when (gone is ArgumentException or InvalidOperationException or Win32Exception)
        {
            return new(id, null, memory);
        }
    }
}
