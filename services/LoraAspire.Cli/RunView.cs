using System.Globalization;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Terminal;
using Spectre.Console;

namespace LoraAspire.Terminal;

/// <summary>A run as it goes: a live table on a terminal, plain lines where output is not one.</summary>
internal sealed class RunView : IAsyncDisposable
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan FrameEvery = TimeSpan.FromSeconds(0.2);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, StageProgress> _progress = [];
    private readonly Dictionary<string, DateTimeOffset> _lastLine = [];
    private IReadOnlyDictionary<string, string> _waits = new Dictionary<string, string>();
    private readonly CancellationTokenSource _over = new();
    private readonly bool _isTerminal;
    private readonly TimeProvider _clock;
    private readonly Task _drawing;
    private RunState _state;

    /// <param name="isTerminal">Draw a table that changes in place.</param>
    public RunView(string id, bool isTerminal, TimeProvider clock)
    {
        (_state, _isTerminal, _clock) = (new RunState(id), isTerminal, clock);
        AnsiConsole.MarkupLine($"Run [bold]{Markup.Escape(id)}[/]");
        _drawing = isTerminal ? AnsiConsole.Live(Table()).StartAsync(DrawAsync) : Task.CompletedTask;
    }

    /// <summary>Whether this process writes to a terminal that can be drawn on.</summary>
    public static bool IsTerminal => AnsiConsole.Profile.Capabilities is { Interactive: true, Ansi: true } && !Console.IsOutputRedirected;

    public static RunView Start(string id) => new(id, IsTerminal, TimeProvider.System);

    public void Show(RunState state, RunEvent happened)
    {
        lock (_lock)
        {
            _state = state;
        }
        if (!_isTerminal && Words(happened) is { } line)
        {
            Console.WriteLine(line);
        }
    }

    public void Show(string stage, StageProgress point)
    {
        if (point.Samples is not null)
        {
            return; // texts, for which there is no room here: samples.jsonl has them
        }
        lock (_lock)
        {
            // A point that is only a message must not wipe the numbers.
            _progress[stage] = point.Total > 0 || point.Done > 0 || point.Training is not null
                ? point with { Training = point.Training ?? _progress.GetValueOrDefault(stage)?.Training }
                : (_progress.GetValueOrDefault(stage) ?? new StageProgress()) with { Message = point.Message };
        }
        var now = _clock.GetUtcNow();
        var due = now - _lastLine.GetValueOrDefault(stage) >= LineEvery || (point.Total > 0 && point.Done == point.Total);
        if (!_isTerminal && (due || point.Message is not null))
        {
            _lastLine[stage] = point.Message is null ? now : _lastLine.GetValueOrDefault(stage);
            string[] parts = [Counted(point), Loss(point), Speed(point), Left(point), Gpu(point), point.Message ?? ""];
            Console.WriteLine($"  {stage}: {string.Join("  ", parts.Where(part => part != ""))}");
        }
    }

    /// <summary>Stages that no living worker can do, each with what it waits for: below the table, or as lines where it is new.</summary>
    public void ShowWaits(IReadOnlyDictionary<string, string> waits)
    {
        IReadOnlyDictionary<string, string> before;
        lock (_lock)
        {
            (before, _waits) = (_waits, waits);
        }
        foreach (var (stage, words) in _isTerminal ? [] : waits.Except(before))
        {
            Console.WriteLine($"  {stage} {words}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _drawing;
    }

    private async Task DrawAsync(LiveDisplayContext screen)
    {
        while (!_over.IsCancellationRequested)
        {
            screen.UpdateTarget(Table());
            await Task.Delay(FrameEvery, _over.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        }
        screen.UpdateTarget(Table());
    }

    /// <summary>What a terminal shows of the run just now.</summary>
    public Table Table()
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("Stage", "State", "Done", "Loss", "Tokens/s", "Left", "GPU");
        lock (_lock)
        {
            foreach (var stage in _state.Stages)
            {
                var point = stage.InFlight || stage.Status == StageStatus.Succeeded ? _progress.GetValueOrDefault(stage.Id) : null;
                table.AddRow(
                    new Text(stage.Id), new Text(stage.Cached ? "cached" : stage.Status.ToString().ToLowerInvariant(), Colour(stage)),
                    new Text(point is null ? "" : Counted(point)), new Text(point is null ? "" : Loss(point)),
                    new Text(point is null ? "" : Speed(point)), new Text(point is null || !stage.InFlight ? "" : Left(point)),
                    new Text(point is null || !stage.InFlight ? "" : Gpu(point)));
            }
            // They are asked for now and then only: what was queued then may have begun since, or the run be over.
            var waits = _waits.Where(wait => _state.Stage(wait.Key)?.Status == StageStatus.Queued).ToList();
            if (waits.Count > 0)
            {
                table.Caption(Markup.Escape(string.Join('\n', waits.Select(wait => $"{wait.Key} {wait.Value}"))), new Style(Color.Yellow));
            }
        }
        return table;
    }

    private static Style Colour(StageState stage) => stage.Status switch
    {
        StageStatus.Succeeded => new Style(Color.Green),
        StageStatus.Failed => new Style(Color.Red),
        StageStatus.Running => new Style(Color.Yellow),
        _ => new Style(Color.Grey),
    };

    private static string Counted(StageProgress point) =>
        point.Total > 0 ? $"{point.Phase} {point.Done}/{point.Total}" : point.Done > 0 ? $"{point.Phase} {point.Done}" : point.Phase;

    private static string Loss(StageProgress point) =>
        point.Training?.Loss is { } loss ? $"loss {loss.ToString("0.0000", CultureInfo.InvariantCulture)}" : "";

    private static string Speed(StageProgress point) =>
        point.TokensPerSecond is { } speed ? $"{speed.ToString("#,0", CultureInfo.InvariantCulture)} tokens/s" : "";

    private static string Left(StageProgress point) =>
        point.EtaSeconds is { } seconds ? $"{Duration.OfSeconds(Math.Ceiling(seconds))} left" : "";

    private static string Gpu(StageProgress point) => string.Join('\n', point.Gpus.Select(GpuText.Of));

    private static string? Words(RunEvent happened) => happened switch
    {
        StageCached e => $"{e.Stage}: cached",
        StageStarted e => $"{e.Stage}: started" + (e.Attempt > 1 ? $" (attempt {e.Attempt})" : ""),
        StageFinished e => $"{e.Stage}: finished",
        StageFailed e => $"{e.Stage}: failed: {e.Error}",
        StageCancelled e => $"{e.Stage}: cancelled",
        RunFinished e => $"run {e.Status.ToString().ToLowerInvariant()}",
        _ => null,
    };
}
