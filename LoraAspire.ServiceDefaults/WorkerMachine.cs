using LoraAspire.Machine.Gpu;
using LoraAspire.Runtime.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace LoraAspire.ServiceDefaults;

/// <summary>What a worker knows of the machine that it runs on.</summary>
public static class WorkerMachine
{
    /// <summary>The driver is asked only by a process that takes orders.</summary>
    public static void AddWorkerGpus(this IHostApplicationBuilder builder)
    {
        var given = WorkerGpus.GivenBy(builder.Configuration);
        builder.Services.AddSingleton(services =>
        {
            var cards = Gpus.Open(out var why)?.Visible() ?? [];
            if (cards.Count == 0)
            {
                services.GetRequiredService<ILogger<WorkerGpus>>().LogInformation(
                    "No GPU is known to this worker: it takes no lease on one. {Why}", why);
            }
            return new WorkerGpus(cards, given);
        });
    }
}
