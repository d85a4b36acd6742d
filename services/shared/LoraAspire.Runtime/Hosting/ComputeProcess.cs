using System.Diagnostics;

namespace LoraAspire.Runtime.Hosting;

/// <summary>A process that computes for the one that starts it: it talks to that one alone.</summary>
public static class ComputeProcess
{
    /// <summary>Leaves out of its environment what leads to Redis, and how a program that only waits is compiled.</summary>
    public static void Prepare(ProcessStartInfo start)
    {
        foreach (var name in start.Environment.Keys.Where(name => name == "ConnectionStrings__redis"
            || name.StartsWith("REDIS_", StringComparison.Ordinal)).Concat(QuickStart.Environment.Keys).ToList())
        {
            start.Environment.Remove(name);
        }
        // As the driver's tools and `lora gpu` count; CUDA's own order has the fastest first.
        start.Environment.TryAdd("CUDA_DEVICE_ORDER", "PCI_BUS_ID");
    }
}
