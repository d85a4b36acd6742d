using System.Diagnostics;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Runs;
using LoraAspire.Terminal;

namespace LoraAspire.Cli.RunCommands;

/// <summary>A run as it goes, to its end: the table of the AppHost on a terminal, else a line for each thing that happens.</summary>
internal static class FollowScreen
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(1);

    /// <summary>Ctrl-C leaves the run alone: it goes on without a watcher.</summary>
    /// <returns>The run at its end.</returns>
    public static async Task<RunState> ShowAsync(RunClient runs, string run, CancellationToken cancellationToken)
    {
        try
        {
            return RunView.IsTerminal ? await TableAsync(runs, run, cancellationToken) : await LinesAsync(runs, run, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync($"Run {run} goes on: `lora logs -f {run}` follows it, `lora cancel {run}` stops it.");
            throw;
        }
    }

    private static async Task<RunState> TableAsync(RunClient runs, string run, CancellationToken cancellationToken)
    {
        var state = await FollowedRun.ShowAsync(runs, run, cancellationToken);
        ShowCommand.ShowEnd(state);
        return state;
    }

    private static async Task<RunState> LinesAsync(RunClient runs, string run, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var state = new RunState(run);
        HashSet<(string Stage, string Words)> said = [];
        var (points, waits) = (ShowPointsAsync(runs, run, cancellationToken), WaitWatch.RunAsync(runs, () => state, ShowWaits, over.Token));
        await foreach (var happened in runs.WatchAsync(run, cancellationToken))
        {
            state = state.Apply(happened);
            if (RunLogLine.Of(happened) is { } line)
            {
                LogScreen.Write(line);
            }
        }
        await points;
        await over.CancelAsync();
        await waits;
        return state;

        // Once for each reason.
        void ShowWaits(IReadOnlyDictionary<string, string> now)
        {
            foreach (var (stage, words) in now.Where(one => said.Add((one.Key, one.Value))))
            {
                LogScreen.Write(new(TimeProvider.System.GetUtcNow(), stage, words));
            }
        }
    }

    private static async Task ShowPointsAsync(RunClient runs, string run, CancellationToken cancellationToken)
    {
        long? shown = null;
        await foreach (var (stage, progress, at) in runs.FollowProgressAsync(run, cancellationToken))
        {
            var due = shown is not { } then || Stopwatch.GetElapsedTime(then) >= LineEvery;
            if (due || progress.Message is not null || progress.Done == progress.Total)
            {
                shown = Stopwatch.GetTimestamp();
                LogScreen.Write(new(at, stage, progress.Message ?? ProgressText.Of(progress)));
            }
        }
    }
}
