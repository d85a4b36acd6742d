using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Tests.Terminal;
using Microsoft.Extensions.Time.Testing;

namespace LoraAspire.Tests.Hosting;

/// <summary>What a stage that runs once, without Redis, prints.</summary>
[Collection(CapturedTerminal.Collection)]
public sealed class TerminalProgressTests : IDisposable
{
    private readonly CapturedTerminal _terminal = new();

    public void Dispose() => _terminal.Dispose();

    [Fact]
    public void Counts_are_a_line_a_second_and_at_their_end_and_messages_always()
    {
        var clock = new FakeTimeProvider();
        var progress = new TerminalProgress(clock);

        progress.Report(new StageProgress("rows", 1, 4));
        progress.Report(new StageProgress("rows", 2, 4));
        progress.Report(new StageProgress(Message: "half of it"));
        clock.Advance(TimeSpan.FromSeconds(1));
        progress.Report(new StageProgress("rows", 3, 4, TokensPerSecond: 1234.4, EtaSeconds: 61) { Training = new(2.31) });
        progress.Report(new StageProgress("rows", 4, 4));

        Assert.Equal(["rows 1/4", "half of it", "rows 3/4 · loss 2.3100 · 1,234 tokens/s · 1:01 left", "rows 4/4"],
            _terminal.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
