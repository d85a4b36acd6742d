using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;

namespace LoraAspire.RedisTests;

/// <summary>Who follows a run is told when there is nothing left to follow.</summary>
public sealed class FollowTests(RedisServer server)
{
    private static readonly StreamSettings Hasty = new()
    {
        Heartbeat = TimeSpan.FromMilliseconds(60),
        CoordinatorLimit = TimeSpan.FromMilliseconds(300),
        Patience = TimeSpan.FromMilliseconds(500),
        IdleLimit = TimeSpan.FromMilliseconds(400),
        PollMax = TimeSpan.FromMilliseconds(20),
    };

    [Fact]
    public async Task Who_follows_a_run_hears_that_Redis_was_emptied()
    {
        await using var installation = new Installation(server) { Options = Hasty };
        await installation.StartPulseAsync();
        await installation.StartCoordinatorAsync();
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        await installation.FirstAsync<StageQueued>(run);
        Task[] followers = [WatchAsync(installation, run), FollowProgressAsync(installation, run), ReadLogsAsync(installation, run)];

        installation.Connection.GetServers()[0].FlushAllDatabases();

        foreach (var follower in followers)
        {
            Assert.Contains(run, (await Assert.ThrowsAsync<RunLostException>(() => follower)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Who_follows_a_run_that_was_lost_before_anybody_took_it_hears_so()
    {
        await using var installation = new Installation(server) { Options = Hasty };
        await installation.StartPulseAsync();
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        var follower = WatchAsync(installation, run);
        installation.Connection.GetServers()[0].FlushAllDatabases();

        Assert.Contains("There is no run", (await Assert.ThrowsAsync<RunLostException>(() => follower)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_follows_a_run_without_a_coordinator_hears_so_and_with_one_waits_on()
    {
        await using var installation = new Installation(server) { Options = Hasty };
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());

        Assert.Contains("No coordinator", (await Assert.ThrowsAsync<RunLostException>(() => WatchAsync(installation, run))).Message,
            StringComparison.Ordinal);

        var pulse = await installation.StartPulseAsync();
        await installation.StartCoordinatorAsync();
        var follower = WatchAsync(installation, run);
        await Task.WhenAny(follower, Task.Delay(Hasty.Patience * 3, TestContext.Current.CancellationToken));
        Assert.False(follower.IsCompleted);
        await pulse.StopAsync(CancellationToken.None);
        Assert.Contains("No coordinator", (await Assert.ThrowsAsync<RunLostException>(() => follower)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stage_that_makes_progress_is_followed_without_a_coordinator()
    {
        await using var installation = new Installation(server) { Options = Hasty };
        await installation.StartCoordinatorAsync();
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        var goOn = true;
        await installation.StartDataBuildAsync(async (context, stop) =>
        {
            for (var step = 0; Volatile.Read(ref goOn); step++)
            {
                context.Report.Report(new StageProgress(Message: $"row {step}"));
                await Task.Delay(50, stop);
            }
            await Installation.WriteDataset(context, stop);
        });
        var follower = WatchAsync(installation, run);

        await Task.WhenAny(follower, Task.Delay(Hasty.Patience * 4, TestContext.Current.CancellationToken));

        Assert.False(follower.IsCompleted);
        Volatile.Write(ref goOn, false);
        await follower;
    }

    [Fact]
    public async Task A_log_shows_every_message_of_a_long_run_in_order()
    {
        const int Messages = 4500;
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync((context, stop) =>
        {
            for (var i = 0; i < Messages; i++)
            {
                context.Report.Report(new StageProgress(Message: $"line {i}"));
            }
            return Installation.WriteDataset(context, stop);
        });
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        await installation.EndOfAsync(run);

        foreach (var follow in (bool[])[false, true])
        {
            var lines = await installation.Runs.LogsAsync(run, follow, Installation.Soon).ToListAsync(Installation.Soon);
            Assert.Equal(Enumerable.Range(0, Messages).Select(i => $"line {i}"),
                lines.Select(line => line.Text).Where(text => text.StartsWith("line ", StringComparison.Ordinal)));
            Assert.Equal("succeeded", lines[^1].Text);
        }
    }

    [Fact]
    public async Task Logs_and_progress_of_a_run_that_is_over_go_by_themselves_some_day()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync((context, stop) =>
        {
            context.Report.Report(new StageProgress(Message: "a line"));
            return Installation.WriteDataset(context, stop);
        });
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        await installation.FirstAsync<StageQueued>(run);
        await installation.EndOfAsync(run);

        Assert.InRange((await installation.Redis.KeyTimeToLiveAsync(Keys.Run(run)))!.Value, TimeSpan.FromDays(179), TimeSpan.FromDays(180));
        Assert.InRange((await installation.Redis.KeyTimeToLiveAsync(Keys.Progress(run)))!.Value, TimeSpan.FromDays(29),
            TimeSpan.FromDays(30));
    }

    private static async Task WatchAsync(Installation installation, string run) =>
        await installation.Runs.WatchAsync(run, Installation.Soon).ToListAsync(Installation.Soon);

    private static async Task FollowProgressAsync(Installation installation, string run) =>
        await installation.Runs.FollowProgressAsync(run, Installation.Soon).ToListAsync(Installation.Soon);

    private static async Task ReadLogsAsync(Installation installation, string run) =>
        await installation.Runs.LogsAsync(run, follow: true, Installation.Soon).ToListAsync(Installation.Soon);
}
