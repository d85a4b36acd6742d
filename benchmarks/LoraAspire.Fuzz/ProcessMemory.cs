using System.Globalization;

namespace LoraAspire.Fuzz;

internal static class ProcessMemory
{
    /// <summary>The most that this process had in memory so far, in megabytes.</summary>
    public static double PeakMb()
    {
        const string name = "VmHWM:";
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(name, StringComparison.Ordinal));
        return double.Parse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal), NumberStyles.Float,
            CultureInfo.InvariantCulture) * 1024 / 1e6;
    }
}
