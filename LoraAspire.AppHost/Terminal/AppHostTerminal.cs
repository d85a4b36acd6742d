using LoraAspire.Machine;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Access;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Spectre.Console;
using StackExchange.Redis;

namespace LoraAspire.AppHost.Terminal;

/// <summary>The life of the app as its terminal shows it: start, run the pipeline if one was given, wait, stop.</summary>
internal static class AppHostTerminal
{
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(
        DistributedApplication app, AppHostOptions options, IResourceWithConnectionString redis, EndpointReference lab,
        EndpointReference chat)
    {
        FolderLock held;
        string? key;
        try
        {
            held = FolderLock.Take(options.Folders.State);
            key = options.KeyFile is { } keyFile ? ApiKeyFile.ReadOrCreate(keyFile) : null;
        }
        catch (IOException problem)
        {
            return Screen.Fail(problem.Message);
        }
        using var running = held;
        if (Console.IsOutputRedirected)
        {
            // A log has no width to wrap at.
            AnsiConsole.Profile.Width = 240;
        }
        var stop = app.Services.GetRequiredService<StopRequest>();
        using var host = app.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(() => stop.Ask());
        if (await CheckedAsync(options, stop.Token) is not (true, var pipeline))
        {
            return 1;
        }
        try
        {
            await StartUp.RunAsync(app, stop.Token);
            var connection = await redis.GetConnectionStringAsync(stop.Token) ?? "";
            var where = new AppAddresses(connection, lab.Url, chat.Url, options.DashboardLogin, Environment.ProcessId);
            await where.WriteAsync(options.Folders.State, stop.Token);
            AnsiConsole.MarkupLineInterpolated($"[green]Ready.[/] Ctrl-C stops everything.");
            Places.Show(where, options, key);
            var succeeded = pipeline is null || await pipeline.RunAsync(connection, options.Folders, stop.Token);
            if (options.Exit)
            {
                return succeeded ? 0 : 1;
            }
            if (pipeline is not null)
            {
                Places.Show(where, options, key);
            }
            await Task.Delay(Timeout.Infinite, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsAsked)
        {
            return options.Exit ? 1 : 0;
        }
        catch (Exception problem) when (problem is DistributedApplicationException or MachineException or RedisException or IOException
            or UnauthorizedAccessException)
        {
            return Screen.Fail(problem.Message);
        }
        finally
        {
            stop.Ask();
            Remove(options.Folders.State);
            await Stopping.RunAsync(app);
        }
    }

    /// <returns>Whether there is nothing wrong; and the pipeline, when one was given.</returns>
    private static async Task<(bool Sound, PipelineRun? Pipeline)> CheckedAsync(AppHostOptions options, CancellationToken stopping)
    {
        try
        {
            var pipeline = options.Pipeline is { } file ? await PipelineRun.CheckAsync(file, options.Folders, stopping) : null;
            return (options.Pipeline is null || pipeline is not null, pipeline);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            Screen.Fail(problem.Message);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            Screen.Note("Stopped before the pipeline was read.");
        }
        return (false, null);
    }

    /// <summary>A disk that can't be written by now is no reason to leave services running.</summary>
    private static void Remove(string state)
    {
        try
        {
            AppAddresses.Remove(state);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Screen.Warn($"{AppAddresses.File(state)} stays, though nothing will run there: {error.Message}");
        }
    }
}
