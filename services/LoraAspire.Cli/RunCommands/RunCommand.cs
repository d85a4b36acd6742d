using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Runs;
using Spectre.Console;
using StackExchange.Redis;

namespace LoraAspire.Cli.RunCommands;

internal static class RunCommand
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LookForWorkersEvery = TimeSpan.FromSeconds(5);

    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "Pipeline file" };
        var follow = Follow();
        var command = new Command("run", "Submit a pipeline. Prints the run's id.") { file, follow };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var path = parsed.GetRequiredValue(file);
            var runs = await App.ConnectAsync();
            return await SubmitAsync(runs, await PipelineFile.ReadAsync(path, cancellationToken), path, parsed.GetValue(follow),
                cancellationToken);
        });
        return command;
    }

    public static Option<bool> Follow() =>
        new("--follow", "-f")
        {
            Description = "Stay and show progress until the run ends; exit code 1 when it fails, 130 when it is cancelled",
        };

    /// <summary>Submits, prints the run's id, and follows the run to its end where that is asked for.</summary>
    public static async Task<int> SubmitAsync(RunClient runs, string yaml, string file, bool follow, CancellationToken cancellationToken)
    {
        var run = await runs.SubmitAsync(yaml, file);
        Console.WriteLine(run);
        return follow ? await FollowAsync(runs, run, cancellationToken) : 0;
    }

    /// <summary>Ctrl-C leaves the run alone: it goes on without a watcher.</summary>
    private static async Task<int> FollowAsync(RunClient runs, string run, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var state = new RunState(run);
        var (points, waits) = (ShowPointsAsync(runs, run, cancellationToken), ShowWaitsAsync(runs, () => state, over.Token));
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
        return (int)(state.Status switch
        {
            RunStatus.Succeeded => ExitCode.Done,
            RunStatus.Cancelled => ExitCode.Cancelled,
            _ => ExitCode.Failed,
        });
    }

    /// <summary>Says of a queued stage that no living worker can do it, once for each reason.</summary>
    private static async Task ShowWaitsAsync(RunClient runs, Func<RunState> now, CancellationToken over)
    {
        HashSet<(string Stage, string Words)> said = [];
        using var timer = new PeriodicTimer(LookForWorkersEvery);
        try
        {
            while (await timer.WaitForNextTickAsync(over))
            {
                foreach (var (stage, words) in (await WaitsAsync(now())).Where(one => said.Add((one.Key, one.Value))))
                {
                    LogScreen.Write(new(TimeProvider.System.GetUtcNow(), stage, words));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }

        async Task<IReadOnlyDictionary<string, string>> WaitsAsync(RunState state)
        {
            try
            {
                return await runs.WaitsAsync(state);
            }
            catch (Exception error) when (error is RedisException or TimeoutException)
            {
                return new Dictionary<string, string>(); // who follows the run says that Redis is away
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

internal static class LogScreen
{
    public static void Write(RunLogLine line) =>
        AnsiConsole.MarkupLine(
            $"[grey]{line.At.ToLocalTime().ToString("HH:mm:ss", CultureInfo.InvariantCulture)}[/] "
                + $"{(line.Stage is null ? "" : $"[blue]{Markup.Escape(line.Stage),-10}[/] ")}{Markup.Escape(line.Text)}");
}
