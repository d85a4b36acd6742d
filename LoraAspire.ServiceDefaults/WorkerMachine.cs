using LoraAspire.Machine.Gpu;
using LoraAspire.Runtime.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace LoraAspire.ServiceDefaults;

/// <summary>What a worker knows of the machine that it runs on.</summary>
public static class WorkerMachine
{
    /// <summary>The driver is asked only by a process that takes orders.</summary>
    public static void AddWorkerGpus(this IHostApplicationBuilder builder)
    {
        var given = WorkerGpus.GivenBy(builder.Configuration);
        builder.Services.AddSingleton(_ => new WorkerGpus(Gpus.Open(out var _)?.Visible() ?? [], given));
    }
}
