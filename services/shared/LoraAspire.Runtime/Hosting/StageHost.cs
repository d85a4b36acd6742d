using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace LoraAspire.Runtime.Hosting;

/// <summary>A worker: one stage kind as a service, the process of one attempt of it, or once from the command line.</summary>
public static class StageHost
{
    /// <summary>The stage and the loop that takes its orders, each attempt in a process of its own.</summary>
    /// <param name="load">Loads the native libraries that the stage computes with, where it runs.</param>
    public static WebApplicationBuilder AddStage<TParams, TStage>(this WebApplicationBuilder builder, StageKind kind, Action? load = null)
        where TParams : StageParams where TStage : class, IStage<TParams> =>
        builder.AddStage<TParams, TStage, ChildAttempt>(kind, load);

    /// <summary>The same, in this process: for a stage whose effect is in it.</summary>
    public static WebApplicationBuilder AddStageInProcess<TParams, TStage>(this WebApplicationBuilder builder, StageKind kind,
        Action? load = null)
        where TParams : StageParams where TStage : class, IStage<TParams> =>
        builder.AddStage<TParams, TStage, StageAttempt<TParams>>(kind, load);

    /// <summary>Whether the command line asks for a command instead of the service.</summary>
    public static bool IsCommand(string[] args) => OnceCommand.IsAskedFor(args) || AttemptCommand.IsAskedFor(args);

    /// <summary>Serves until stopped, or does what the command line asks. Returns the exit code.</summary>
    public static async Task<int> RunStageAsync(this WebApplication app, string[] args)
    {
        if (AttemptCommand.IsAskedFor(args))
        {
            return app.Services.GetRequiredService<AttemptCommand>().Invoke();
        }
        if (OnceCommand.IsAskedFor(args))
        {
            return await app.Services.GetRequiredService<OnceCommand>().InvokeAsync(args);
        }
        await app.RunAsync();
        return 0;
    }

    private static WebApplicationBuilder AddStage<TParams, TStage, TAttempt>(this WebApplicationBuilder builder, StageKind kind,
        Action? load)
        where TParams : StageParams where TStage : class, IStage<TParams> where TAttempt : class, IAttempt
    {
        var args = Environment.GetCommandLineArgs()[1..];
        builder.AddLoraRuntime();
        // After SIGTERM a stage gets this long to notice and to save what it has; what it did since its last checkpoint is done again by
        // the next worker.
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(10));
        builder.Services.AddSingleton<IStage<TParams>, TStage>();
        builder.Services.AddSingleton(kind);
        builder.Services.AddSingleton(new StageLibraries(load));
        builder.Services.AddSingleton<StageAttempt<TParams>>();
        if (AttemptCommand.IsAskedFor(args))
        {
            var pipe = new AttemptPipe();
            builder.Services.AddSingleton(pipe);
            builder.Services.AddSingleton<AttemptCommand, AttemptCommand<TParams>>();
            builder.Logging.ClearProviders().AddProvider(pipe);
        }
        else if (OnceCommand.IsAskedFor(args))
        {
            builder.Services.AddSingleton<OnceCommand, OnceCommand<TParams>>();
        }
        else
        {
            builder.Services.AddSingleton<IAttempt, TAttempt>();
            builder.Services.AddSingleton<Func<StageOrder, DeviceChoice?>>(GpuClaims.AskedBy<TParams>);
            builder.Services.AddSingleton<GpuClaims>();
            if (UntilIdle.TimeOf(builder.Configuration) is { } time)
            {
                builder.Services.AddSingleton(services =>
                    new UntilIdle(time, services.GetRequiredService<IHostApplicationLifetime>().StopApplication));
            }
            builder.Services.AddHostedService<StageWorker>();
        }
        return builder;
    }
}
