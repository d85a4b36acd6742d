using System.Diagnostics;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Streams;

namespace LoraAspire.RedisTests;

public sealed class RunTests(RedisServer server, ITestOutputHelper output)
{
    [Fact]
    public async Task A_list_of_the_newest_reads_no_more_logs()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync(Installation.WriteDataset);
        List<string> ids = [];
        for (var i = 0; i < 3; i++)
        {
            ids.Add(await installation.Runs.SubmitAsync(Installation.OneStage()));
            await installation.EndOfAsync(ids[i]);
            await installation.Redis.SortedSetAddAsync(Keys.Runs, ids[i], i);
        }

        var newest = await installation.Runs.ListAsync(2);
        Assert.Equal([ids[2], ids[1]], newest.Select(run => run.Id));
        Assert.Equal([ids[2], ids[1], ids[0]], (await installation.Runs.ListAsync()).Select(run => run.Id));
    }

    [Fact]
    public async Task A_run_succeeds_and_the_same_run_again_is_cached_without_running()
    {
        await using var installation = new Installation(server);
        var times = 0;
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync((context, stop) => { times++; return Installation.WriteDataset(context, stop); });

        var first = await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage()));
        var clock = Stopwatch.StartNew();
        var second = await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage()));
        output.WriteLine($"second run: {clock.ElapsedMilliseconds} ms");

        Assert.Equal(RunStatus.Succeeded, first.Status);
        Assert.False(first.Stages[0].Cached);
        Assert.Equal("first run", first.Stages[0].Explain);
        Assert.True(second.Stages[0].Cached);
        Assert.Equal(first.Stages[0].Outputs["dataset"], second.Stages[0].Outputs["dataset"]);
        Assert.Equal(1, times);
    }

    [Fact]
    public async Task After_Redis_is_wiped_the_store_still_caches()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync(Installation.WriteDataset);
        await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage()));

        installation.Connection.GetServers()[0].FlushAllDatabases();

        Assert.True((await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage()))).Stages[0].Cached);
    }

    [Fact]
    public async Task A_changed_parameter_runs_again_and_says_which()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync(Installation.WriteDataset);
        await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage("Pebble")));

        var again = await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage("Granite")));

        Assert.False(again.Stages[0].Cached);
        Assert.Contains("sources", again.Stages[0].Explain);
        Assert.Contains("Granite", again.Stages[0].Explain);
    }

    [Fact]
    public async Task Two_coordinators_race_and_each_event_happens_once()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync(Installation.WriteDataset);

        var ids =
            await Task.WhenAll(Enumerable.Range(0, 20).Select(i => installation.Runs.SubmitAsync(Installation.OneStage($"Stone-{i}"))));
        foreach (var id in ids)
        {
            Assert.Equal(RunStatus.Succeeded, (await installation.EndOfAsync(id)).Status);
            var log = await installation.Redis.StreamRangeAsync(Keys.Run(id));
            Assert.Equal(Enumerable.Range(1, log.Length).Select(n => $"{n}-0"), log.Select(entry => entry.Id.ToString()));
            Assert.Single(log, entry => Entries.Read<RunEvent>(entry) is StageQueued);
            Assert.Single(log, entry => Entries.Read<RunEvent>(entry) is StageFinished);
        }
    }

    [Fact]
    public async Task A_transient_failure_is_tried_again_within_retries()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync((context, stop) =>
            context.Attempt < 3 ? throw new StageException("the line is busy", transient: true) : Installation.WriteDataset(context, stop));

        var state = await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage(policy: "retries: 2")));

        Assert.Equal((RunStatus.Succeeded, 3), (state.Status, state.Stages[0].Attempt));
    }

    [Fact]
    public async Task A_permanent_failure_is_not_tried_again()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync((_, _) => throw new StageException("row 7 has no output"));

        var state = await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage(policy: "retries: 2")));

        Assert.Equal((RunStatus.Failed, 1, "row 7 has no output"), (state.Status, state.Stages[0].Attempt, state.Stages[0].Error));
        Assert.Equal("stage 'data': row 7 has no output", state.Error);
        Assert.False(Directory.Exists(installation.Store.StageScratch(state.Id, "data")));
    }

    [Fact]
    public async Task A_stage_that_overruns_its_timeout_is_stopped_and_says_so()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync((_, stop) => Task.Delay(Timeout.Infinite, stop));

        var state = await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage(policy: "timeout: 0.1s")));

        Assert.Equal(RunStatus.Failed, state.Status);
        Assert.Contains("timeout", state.Stages[0].Error);
    }

    [Fact]
    public async Task A_running_stage_hears_of_a_cancel_at_its_next_heartbeat()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync((_, stop) => Task.Delay(Timeout.Infinite, stop));
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        await installation.FirstAsync<StageStarted>(run);

        await installation.Runs.CancelAsync(run);
        var state = await installation.EndOfAsync(run);

        Assert.Equal((RunStatus.Cancelled, StageStatus.Cancelled), (state.Status, state.Stages[0].Status));
    }

    [Fact]
    public async Task A_stage_that_nobody_took_is_cancelled_at_once()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        await installation.FirstAsync<StageQueued>(run);

        await installation.Runs.CancelAsync(run);

        Assert.Equal(RunStatus.Cancelled, (await installation.EndOfAsync(run)).Status);
    }

    [Fact]
    public async Task A_missing_model_stops_the_run_before_any_stage_in_words_that_name_the_place_and_the_folder()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();

        var state =
            await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage().Replace("model:tiny", "model:huge")));

        Assert.Equal(RunStatus.Failed, state.Status);
        Assert.Matches(@"^pipeline\.yaml:\d+:\d+: No folder 'huge' under the models root ", state.Error);
        Assert.Contains("There is: tiny", state.Error);
        Assert.Empty(state.Stages);
    }

    [Fact]
    public async Task An_outcome_that_cannot_be_read_fails_its_stage_and_is_kept_with_the_dead()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        await installation.FirstAsync<StageQueued>(run);

        await installation.Redis.StreamAddAsync(Keys.Inbox,
            [new("v", "1"), new("type", "attempt.finished"), new("run", run), new("stage", "data"), new("attempt", "1"),
                new("body", "{ broken")]);
        var state = await installation.EndOfAsync(run);

        Assert.Equal(StageStatus.Failed, state.Stages[0].Status);
        Assert.Equal("{ broken", (await installation.Redis.StreamRangeAsync(Keys.Dead))[0]["body"]);
    }
}
