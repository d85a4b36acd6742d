using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Terminal;
using Microsoft.Extensions.Time.Testing;
using Spectre.Console;

namespace LoraAspire.Tests.Terminal;

/// <summary>A run as the AppHost's terminal shows it while it goes.</summary>
[Collection(CapturedTerminal.Collection)]
public sealed class RunViewTests : IDisposable
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static readonly Dictionary<string, string> None = [];

    private readonly CapturedTerminal _terminal = new();
    private readonly FakeTimeProvider _clock = new(At);

    public void Dispose() => _terminal.Dispose();

    private string[] Lines => _terminal.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    [Fact]
    public async Task Where_output_is_no_terminal_events_are_lines()
    {
        await using var view = View();
        Show(view, Events());

        Assert.Equal(["Run r", "data: cached", "tune: started (attempt 2)", "tune: failed: no luck", "run failed"], Lines);
    }

    [Fact]
    public async Task Counts_are_a_line_every_two_seconds_and_at_their_end_and_messages_always()
    {
        await using var view = View();
        view.Show("tune", new StageProgress("step", 1, 9, TokensPerSecond: 1234, EtaSeconds: 59.5) { Training = new(2.5) });
        view.Show("tune", new StageProgress("step", 2, 9));
        view.Show("tune", new StageProgress(Message: "a checkpoint"));
        _clock.Advance(TimeSpan.FromSeconds(2));
        view.Show("tune", new StageProgress("step", 3, 9));
        view.Show("tune", new StageProgress("step", 9, 9));

        Assert.Equal(
            ["Run r", "  tune: step 1/9  loss 2.5000  1,234 tokens/s  1:00 left", "  tune: a checkpoint", "  tune: step 3/9",
                "  tune: step 9/9"],
            Lines);
    }

    [Fact]
    public async Task The_table_has_a_row_a_stage_and_keeps_the_numbers_when_only_a_message_came()
    {
        await using var view = View();
        Show(view, Events().Take(3));
        view.Show("tune", new StageProgress("step", 4, 9, TokensPerSecond: 10, EtaSeconds: 65) { Training = new(1.25) });
        view.Show("tune", new StageProgress(Message: "a checkpoint"));
        view.Show("tune", new StageProgress("saving", 5, 9));

        AnsiConsole.Write(view.Table());

        Assert.Contains(Lines, line => line.Contains("data") && line.Contains("cached"));
        var tune = Assert.Single(Lines, line => line.Contains("│ tune", StringComparison.Ordinal));
        Assert.Equal(["tune", "running", "saving 5/9", "loss 1.2500"], tune.Split('│', StringSplitOptions.TrimEntries)[1..5]);
    }

    [Fact]
    public async Task What_a_queued_stage_waits_for_stands_below_the_table()
    {
        await using var view = View();
        RunEvent[] queued = [Events().First(), new StageQueued("r", At, "tune", 1, "key", "first run")];
        Show(view, queued);
        view.ShowWaits(new Dictionary<string, string> { ["tune"] = "waits for a trainer: none is running" });

        AnsiConsole.Write(view.Table());

        Assert.Contains("tune waits for a trainer: none is running", string.Join(' ', Lines[^2..].Select(line => line.Trim())),
            StringComparison.Ordinal);

        Show(view, [.. queued, .. Events().Skip(1)]);
        var before = _terminal.Out.Length;
        AnsiConsole.Write(view.Table());
        Assert.DoesNotContain("waits for", _terminal.Out[before..], StringComparison.Ordinal);
    }

    private RunView View() => new("r", isTerminal: false, _clock);

    private static void Show(RunView view, IEnumerable<RunEvent> events)
    {
        var state = new RunState("r");
        foreach (var happened in events)
        {
            state = state.Apply(happened);
            view.Show(state, happened);
        }
    }

    private static IEnumerable<RunEvent> Events() =>
    [
        new RunSubmitted("r", At, "two", "p.yaml", "", [new("data", "data-build", None), new("tune", "trainer", None)], []),
        new StageCached("r", At, "data", "key", None),
        new StageStarted("r", At, "tune", 2, "w"),
        new StageFailed("r", At, "tune", 2, FailureCause.Permanent, "no luck"),
        new RunFinished("r", At, RunStatus.Failed, "stage 'tune': no luck"),
    ];
}
