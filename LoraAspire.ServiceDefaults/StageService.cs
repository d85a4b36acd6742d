using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Stages;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace LoraAspire.ServiceDefaults;

/// <summary>The program of a worker: its stage as a service, as the process of one attempt, or once from the command line.</summary>
public static class StageService
{
    /// <param name="load">Loads the native libraries that the stage computes with, where it runs.</param>
    /// <param name="add">Adds what the stage takes in its constructor.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync<TParams, TStage>(
        string[] args, StageKind kind, Action? load = null, Action<IServiceCollection>? add = null)
        where TParams : StageParams where TStage : class, IStage<TParams>
    {
        var builder = WebApplication.CreateBuilder(args);
        builder.AddServiceDefaults();
        builder.AddWorkerGpus();
        add?.Invoke(builder.Services);
        builder.AddStage<TParams, TStage>(kind, load);
        var app = builder.Build();
        app.MapDefaultEndpoints();
        return await app.RunStageAsync(args);
    }
}
