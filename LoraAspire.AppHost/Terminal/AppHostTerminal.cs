using System.Collections.Immutable;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Spectre.Console;

namespace LoraAspire.AppHost.Terminal;

/// <summary>The life of the app as its terminal shows it: start, run the pipeline if one was given, wait, stop.</summary>
internal static class AppHostTerminal
{
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(DistributedApplication app, AppHostOptions options, IResourceWithConnectionString redis, EndpointReference dashboard, EndpointReference chat)
    {
        using var held = FolderLock.TryTake(options.Folders.Lock, out var holder);
        if (held is null)
        {
            return Fail($"Another AppHost, process {holder}, already runs in {options.Folders.State}. Stop it with Ctrl-C, or start this one with LORA_STATE set to another folder.");
        }
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
        var stopping = app.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        try
        {
            await app.StartAsync();
            await ReportAsync(app, options.Folders, stopping);
            new AddressFile(await redis.GetConnectionStringAsync(stopping) ?? "", dashboard.Url, chat.Url, Environment.ProcessId).Write(options.Folders.Addresses);
            AnsiConsole.MarkupLineInterpolated($"[green]Ready.[/] Dashboard [link]{dashboard.Url}[/], chat [link]{chat.Url}[/]. Ctrl-C stops everything.");
            var succeeded = pipeline is null || await pipeline.RunAsync(await redis.GetConnectionStringAsync(stopping) ?? "", options.Folders, stopping);
            if (!options.Exit)
            {
                if (pipeline is not null)
                {
                    AnsiConsole.MarkupLineInterpolated($"Chat [link]{chat.Url}[/]  Dashboard [link]{dashboard.Url}[/]  (Ctrl-C stops everything)");
                }
                await app.WaitForShutdownAsync(CancellationToken.None);
                return 0;
            }
            return succeeded ? 0 : 1;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return options.Exit ? 1 : 0;
        }
        catch (DistributedApplicationException problem)
        {
            return Fail(problem.Message);
        }
        finally
        {
            File.Delete(options.Folders.Addresses);
            AnsiConsole.MarkupLine("[grey]Stopping...[/]");
            await app.StopAsync(CancellationToken.None);
        }
    }

    private static int Fail(string message)
    {
        Console.Error.WriteLine(message);
        return 1;
    }

    /// <summary>Says which resources are up, every half minute which are not, and returns when all are healthy.</summary>
    /// <exception cref="DistributedApplicationException">One of them cannot start.</exception>
    private static async Task ReportAsync(DistributedApplication app, AppHostFolders folders, CancellationToken cancellationToken)
    {
        var missing = app.Services.GetRequiredService<DistributedApplicationModel>().Resources.Where(r => r is not ParameterResource).Select(r => r.Name).ToImmutableHashSet();
        var count = missing.Count;
        using var reminder = new Timer(_ =>
        {
            AnsiConsole.MarkupLineInterpolated($"[yellow]Still waiting for {string.Join(", ", missing)}. Logs: {folders.Logs}[/]");
        }, null, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(30));
        await foreach (var update in app.ResourceNotifications.WatchAsync(cancellationToken))
        {
            var (name, state) = (update.Resource.Name, update.Snapshot.State?.Text);
            if (state == KnownResourceStates.FailedToStart || state == KnownResourceStates.Exited)
            {
                var log = Path.Combine(folders.Logs, $"{name}.log");
                throw new DistributedApplicationException($"'{name}' did not start. The end of {log}:\n{string.Join('\n', File.Exists(log) ? ReadShared(log).TakeLast(15) : [])}");
            }
            if (state == KnownResourceStates.Running && update.Snapshot.HealthStatus == HealthStatus.Healthy && missing.Contains(name))
            {
                missing = missing.Remove(name);
                AnsiConsole.MarkupLineInterpolated($"[grey]{name} is up ({count - missing.Count} of {count})[/]");
                if (missing.Count == 0)
                {
                    return;
                }
            }
        }
    }

    /// <summary>The lines of a file that the engine still writes.</summary>
    private static IEnumerable<string> ReadShared(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }
}
