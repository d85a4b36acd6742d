using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace LoraAspire.Runtime.Hosting;

/// <summary>A worker: one stage kind as a service, or once from the command line.</summary>
public static class StageHost
{
    /// <summary>The stage and the loop that takes its orders.</summary>
    public static WebApplicationBuilder AddStage<TParams, TStage>(this WebApplicationBuilder builder, StageKind kind)
        where TParams : StageParams where TStage : class, IStage<TParams>
    {
        builder.AddLoraRuntime();
        // After SIGTERM a stage gets this long to notice; what it did since its last checkpoint is done again by the next worker.
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(10));
        builder.Services.AddSingleton<IStage<TParams>, TStage>();
        builder.Services.AddSingleton(kind);
        builder.Services.AddSingleton<StageAttempt<TParams>>();
        builder.Services.AddSingleton<OnceCommand, OnceCommand<TParams>>();
        if (!OnceCommand.IsAskedFor(Environment.GetCommandLineArgs()))
        {
            builder.Services.AddHostedService<StageWorker<TParams>>();
        }
        return builder;
    }

    /// <summary>Whether the command line asks for a command instead of the service.</summary>
    public static bool IsCommand(string[] args) => OnceCommand.IsAskedFor(args);

    /// <summary>Serves until stopped, or does what the command line asks. Returns the exit code.</summary>
    public static async Task<int> RunStageAsync(this WebApplication app, string[] args)
    {
        if (OnceCommand.IsAskedFor(args))
        {
            return await app.Services.GetRequiredService<OnceCommand>().InvokeAsync(args);
        }
        await app.RunAsync();
        return 0;
    }
}
