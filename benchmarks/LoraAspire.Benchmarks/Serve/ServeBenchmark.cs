using System.CommandLine;

namespace LoraAspire.Benchmarks.Serve;

/// <summary>How fast text comes: a part a kind of device, each against another engine or the device's own limit.</summary>
internal static class ServeBenchmark
{
    public static Command Command() => new("serve", "Decoding for one caller and for many.")
    {
        CpuServeBenchmark.Command(),
        CallersBenchmark.Command(),
    };
}
