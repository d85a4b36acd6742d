using LoraAspire.Machine;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Access;
using LoraAspire.Runtime.Store;
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
        DistributedApplication app, AppHostOptions options, IResourceWithConnectionString redis, EndpointReference lab, EndpointReference chat)
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
        var pipeline = options.Pipeline is { } file ? PipelineRun.Check(file, options.Folders) : null;
        if (options.Pipeline is not null && pipeline is null)
        {
            return 1;
        }
        if (Console.IsOutputRedirected)
        {
            // A log has no width to wrap at.
            AnsiConsole.Profile.Width = 240;
        }
        var stop = app.Services.GetRequiredService<StopRequest>();
        using var host = app.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(() => stop.Ask());
        var addresses = AppAddresses.File(options.Folders.State);
        try
        {
            await StartUp.RunAsync(app, stop.Token);
            var connection = await redis.GetConnectionStringAsync(stop.Token) ?? "";
            var where = new AppAddresses(connection, lab.Url, chat.Url, options.DashboardLogin, Environment.ProcessId);
            await PrivateFile.WriteAsync(addresses, where.ToJson(), stop.Token);
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
        catch (Exception problem) when (problem is DistributedApplicationException or MachineException or RedisException or IOException or UnauthorizedAccessException)
        {
            return Screen.Fail(problem.Message);
        }
        finally
        {
            stop.Ask();
            Remove(addresses);
            await Stopping.RunAsync(app);
        }
    }

    /// <summary>A disk that can't be written by now is no reason to leave services running.</summary>
    private static void Remove(string addresses)
    {
        try
        {
            File.Delete(addresses);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Screen.Warn($"{addresses} stays, though nothing will run there: {error.Message}");
        }
    }
}
