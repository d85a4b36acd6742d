using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LoraAspire.Hosting.Engine;

/// <summary>What every instance needs of the engine.</summary>
internal sealed record EngineServices(
    IServiceProvider Services, IDistributedApplicationEventing Eventing, ResourceNotificationService Notifications,
    HealthMonitor Health, Launches Launches, Watchdog Watchdog);

/// <summary>One process of a resource: waits, starts, watches, restarts after a crash, stops.</summary>
internal sealed class ResourceInstance(IResource resource, string id, ConsoleLog log, IReadOnlyDictionary<string, int> targetPorts, EngineServices engine)
{
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _commands = new(1);
    private CancellationTokenSource _stop = new();
    private TaskCompletionSource _forced = new();
    private Task _life = Task.CompletedTask;

    public IResource Resource => resource;
    public string Id => id;
    public ConsoleLog Log => log;

    /// <summary>Begins a start cycle; one that waits for dependencies stops waiting.</summary>
    public async Task<ExecuteCommandResult> StartAsync()
    {
        await _commands.WaitAsync();
        try
        {
            return Begin();
        }
        finally
        {
            _commands.Release();
        }
    }

    public async Task<ExecuteCommandResult> StopAsync()
    {
        await _commands.WaitAsync();
        try
        {
            return await EndAsync();
        }
        finally
        {
            _commands.Release();
        }
    }

    public async Task<ExecuteCommandResult> RestartAsync()
    {
        await _commands.WaitAsync();
        try
        {
            await EndAsync();
            return Begin();
        }
        finally
        {
            _commands.Release();
        }
    }

    private ExecuteCommandResult Begin()
    {
        if (!_life.IsCompleted)
        {
            return _forced.TrySetResult() ? CommandResults.Success() : CommandResults.Failure($"'{id}' runs already.");
        }
        _stop = new CancellationTokenSource();
        _forced = new TaskCompletionSource();
        var (stop, forced) = (_stop.Token, _forced);
        _life = Task.Run(() => LiveAsync(forced, stop), CancellationToken.None);
        return CommandResults.Success();
    }

    private async Task<ExecuteCommandResult> EndAsync()
    {
        if (_life.IsCompleted)
        {
            return CommandResults.Failure($"'{id}' does not run.");
        }
        await _stop.CancelAsync();
        await _life;
        return CommandResults.Success();
    }

    private async Task LiveAsync(TaskCompletionSource forced, CancellationToken stop)
    {
        try
        {
            for (var crashes = 0; ; crashes++)
            {
                var started = DateTime.UtcNow;
                var code = await RunOnceAsync(forced, stop);
                // Aspire leaves a crashed process down; a service that a run depends on comes back.
                if (code == 0 || stop.IsCancellationRequested || resource is ExecutableResource)
                {
                    return;
                }
                crashes = DateTime.UtcNow - started > TimeSpan.FromMinutes(1) ? 0 : crashes;
                var pause = TimeSpan.FromSeconds(Math.Min(Math.Pow(2, crashes), LongestBackoff.TotalSeconds));
                log.Add("stderr", $"[lora] {id} ended with code {code}; starting it again in {pause.TotalSeconds:0} s");
                await Task.Delay(pause, stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await PublishAsync(s => KnownResourceStates.TerminalStates.Contains(s.State?.Text ?? "") ? s
                : s with { State = KnownResourceStates.Finished, HealthStatus = null, StopTimeStamp = DateTime.UtcNow });
        }
        catch (Exception fault)
        {
            // Whatever keeps it from starting is the instance's state, not the end of the app.
            log.Add("stderr", $"[lora] {(fault is DistributedApplicationException ? fault.Message : fault.ToString())}");
            await PublishAsync(s => s with { State = KnownResourceStates.FailedToStart, HealthStatus = null, StopTimeStamp = DateTime.UtcNow });
        }
    }

    /// <returns>The exit code.</returns>
    private async Task<int> RunOnceAsync(TaskCompletionSource forced, CancellationToken stop)
    {
        await PublishAsync(s => s with { State = KnownResourceStates.Starting, ExitCode = null, StartTimeStamp = null, StopTimeStamp = null, HealthStatus = null, ResourceReadyEvent = null });
        if (resource is IResourceWithConnectionString)
        {
            await engine.Eventing.PublishAsync(new ConnectionStringAvailableEvent(resource, engine.Services), stop);
        }
        if (resource.Annotations.OfType<WaitAnnotation>().Any())
        {
            await PublishAsync(s => s with { State = KnownResourceStates.Waiting });
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stop);
            await await Task.WhenAny(engine.Notifications.WaitForDependenciesAsync(resource, waiting.Token), forced.Task.WaitAsync(stop));
            await waiting.CancelAsync();
            await PublishAsync(s => s with { State = KnownResourceStates.Starting });
        }
        forced.TrySetResult();
        await engine.Eventing.PublishAsync(new BeforeResourceStartedEvent(resource, engine.Services), stop);

        var launch = await engine.Launches.CreateAsync(resource, id, targetPorts, text => log.Add("stdout", $"[lora] {text}"), stop);
        var child = ChildProcess.Start(launch, engine.Watchdog, (isError, line) => log.Add(isError ? "stderr" : "stdout", line));
        await PublishAsync(s => s with
        {
            State = KnownResourceStates.Running,
            StartTimeStamp = DateTime.UtcNow,
            Properties = [new("executable.pid", child.Pid), new("resource.source", Path.GetFileName(launch.Command))],
        });
        using var running = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var health = WatchHealthAsync(running.Token);
        await Task.WhenAny(child.Exited, Task.Delay(Timeout.Infinite, stop));
        await running.CancelAsync();
        await health;
        if (stop.IsCancellationRequested)
        {
            await PublishAsync(s => s with { State = KnownResourceStates.Stopping, HealthStatus = null });
            await child.StopAsync(StopGrace);
        }
        var code = await child.Exited;
        await PublishAsync(s => s with
        {
            State = code == 0 || stop.IsCancellationRequested ? KnownResourceStates.Finished : KnownResourceStates.Exited,
            ExitCode = code,
            StopTimeStamp = DateTime.UtcNow,
            HealthStatus = null,
            Properties = [.. s.Properties.Where(p => p.Name != "executable.pid")],
        });
        return code;
    }

    private async Task WatchHealthAsync(CancellationToken running)
    {
        try
        {
            await engine.Health.WatchAsync(resource, async status =>
            {
                await PublishAsync(s => s with
                {
                    HealthStatus = status,
                    ResourceReadyEvent = s.ResourceReadyEvent
                        ?? (status == HealthStatus.Healthy ? new(Task.Run(() => engine.Eventing.PublishAsync(new ResourceReadyEvent(resource, engine.Services), running), running)) : null),
                });
            }, running);
        }
        catch (OperationCanceledException) when (running.IsCancellationRequested)
        {
            // The process has ended or is to end.
        }
    }

    private Task PublishAsync(Func<CustomResourceSnapshot, CustomResourceSnapshot> change) => engine.Notifications.PublishUpdateAsync(resource, id, change);
}
