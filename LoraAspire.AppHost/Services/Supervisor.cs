using LoraAspire.AppHost.Terminal;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace LoraAspire.AppHost.Services;

/// <summary>
/// Starts again what ended unasked, whatever its exit code: Aspire itself leaves it stopped. A stop that somebody asked for passes
/// through the state Stopping, a crash never does.
/// </summary>
internal sealed class Supervisor(ResourceNotificationService notifications, ResourceCommandService commands, StopRequest stop)
    : BackgroundService
{
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(30);
    /// <summary>Who ran for so long was well: its next crash counts as the first.</summary>
    private static readonly TimeSpan s_well = TimeSpan.FromMinutes(2);

    private readonly Dictionary<string, Life> _lives = [];

    /// <param name="Crashes">In a row.</param>
    private sealed record Life(bool StopAsked, DateTime? EndedAt, int Crashes);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var update in notifications.WatchAsync(stoppingToken).ConfigureAwait(false))
        {
            if (update.Resource.IsOurs())
            {
                Take(update, stoppingToken);
            }
        }
    }

    private void Take(ResourceEvent update, CancellationToken stopping)
    {
        var (life, snapshot) = (_lives.GetValueOrDefault(update.ResourceId) ?? new Life(false, null, 0), update.Snapshot);
        if (snapshot.State?.Text == KnownResourceStates.Stopping)
        {
            life = life with { StopAsked = true };
        }
        else if (snapshot.State?.Text == KnownResourceStates.Running)
        {
            life = life with { StopAsked = false };
        }
        else if (HasEnded(snapshot) && snapshot.StopTimeStamp != life.EndedAt)
        {
            var crashes = snapshot.StopTimeStamp - snapshot.StartTimeStamp > s_well ? 1 : life.Crashes + 1;
            if (!life.StopAsked && !stop.IsAsked)
            {
                _ = StartAgainAsync(update, crashes, stopping);
            }
            life = life with { EndedAt = snapshot.StopTimeStamp, Crashes = crashes };
        }
        _lives[update.ResourceId] = life;
    }

    private static bool HasEnded(CustomResourceSnapshot snapshot) =>
        snapshot.StopTimeStamp is not null && KnownResourceStates.TerminalStates.Contains(snapshot.State?.Text);

    private async Task StartAgainAsync(ResourceEvent update, int crashes, CancellationToken stopping)
    {
        var pause = TimeSpan.FromSeconds(Math.Min(s_longestPause.TotalSeconds, crashes == 1 ? 0 : Math.Pow(2, crashes - 1)));
        Screen.Warn($"{update.ResourceId} ended by itself (exit code {update.Snapshot.ExitCode}); "
            + (pause == TimeSpan.Zero ? "it is started again." : $"it is started again in {pause.TotalSeconds:0} s."));
        await Task.Delay(pause, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (stop.IsAsked || stopping.IsCancellationRequested)
        {
            return;
        }
        var problem = await StartAsync(update.ResourceId, stopping);
        if (problem is not null && !stop.IsAsked)
        {
            Screen.Warn($"{update.ResourceId} could not be started again: {problem}. Start it by hand in the dashboard.");
        }
    }

    /// <summary>Nobody awaits a start, so whatever goes wrong with it becomes words here.</summary>
    /// <returns>What went wrong; null when it was started.</returns>
    private async Task<string?> StartAsync(string resourceId, CancellationToken stopping)
    {
        try
        {
            var result = await commands.ExecuteCommandAsync(resourceId, KnownResourceCommands.StartCommand, stopping);
            return result.Success ? null : result.Message ?? "no reason was given";
        }
        catch (Exception error)
        {
            return error.Message;
        }
    }
}

internal static class SupervisorExtensions
{
    public static void AddSupervisor(this IDistributedApplicationBuilder builder)
    {
        if (builder.ExecutionContext.IsRunMode)
        {
            builder.Services.AddHostedService<Supervisor>();
        }
    }
}
