using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.RedisTests;

/// <summary>
/// Entries that nobody of ours writes, in every stream: each is kept, its run ends in words, and coordinator and worker go on.
/// </summary>
public sealed class PoisonTests(RedisServer server)
{
    private const string Poisoned = "poisoned-run";

    /// <summary>Each as name=value fields; of a field that stands there twice, both. RUN is the run's id.</summary>
    public static TheoryData<string, string[]> Outcomes() => new()
    {
        { "body null", ["v=1", "type=attempt.finished", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z", "body=null"] },
        { "body a list", ["v=1", "type=attempt.finished", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z", "body=[]"] },
        { "body cut off", ["v=1", "type=attempt.finished", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z", "body={\"wo"] },
        { "outputs null",
            ["v=1", "type=attempt.finished", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z", "body={\"outputs\":null}"] },
        { "a digest null", ["v=1", "type=attempt.finished", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z",
            "body={\"outputs\":{\"dataset\":null}}"] },
        { "a digest that is a path", ["v=1", "type=attempt.finished", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z",
            "body={\"outputs\":{\"dataset\":\"../../etc\"}}"] },
        { "attempt beyond int32", ["v=1", "type=attempt.failed", "run=RUN", "stage=data", "attempt=99999999999", "at=2026-01-01T00:00:00Z",
            "body={\"cause\":\"transient\",\"error\":\"e\"}"] },
        { "attempt no number", ["v=1", "type=attempt.failed", "run=RUN", "stage=data", "attempt=one", "at=2026-01-01T00:00:00Z",
            "body={\"cause\":\"transient\",\"error\":\"e\"}"] },
        { "attempt twice", ["v=1", "type=attempt.started", "run=RUN", "stage=data", "attempt=1", "attempt=2", "at=2026-01-01T00:00:00Z",
            "body={\"worker\":\"w\"}"] },
        { "body twice", ["v=1", "type=attempt.started", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z",
            "body={\"worker\":\"w\"}", "body={}"] },
        { "run in the body too", ["v=1", "type=attempt.started", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z",
            "body={\"worker\":\"w\",\"run\":\"x\"}"] },
        { "missing field",
            ["v=1", "type=attempt.failed", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z", "body={\"error\":\"e\"}"] },
        { "missing time", ["v=1", "type=attempt.started", "run=RUN", "stage=data", "attempt=1", "body={\"worker\":\"w\"}"] },
        { "wrong type of a value", ["v=1", "type=attempt.failed", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z",
            "body={\"cause\":7,\"error\":{}}"] },
        { "unknown type", ["v=1", "type=run.pause", "run=RUN", "at=2026-01-01T00:00:00Z", "body={}"] },
        { "no type", ["v=1", "run=RUN", "body={}"] },
        { "another version", ["v=2", "type=run.cancel", "run=RUN", "at=2026-01-01T00:00:00Z", "body={}"] },
        { "deep body", ["v=1", "type=run.cancel", "run=RUN", "at=2026-01-01T00:00:00Z", "body=" + new string('[', 100_000)] },
        { "thousands of fields", ["v=1", "type=run.cancel", "run=RUN", .. Enumerable.Range(0, 12_000).Select(i => $"f{i}=x")] },
    };

    [Theory, MemberData(nameof(Outcomes))]
    public async Task What_the_coordinator_cannot_read_is_kept_and_ends_its_run_in_words(string name, string[] fields)
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        await installation.FirstAsync<StageQueued>(run);

        await AddAsync(installation, Keys.Inbox, run, fields);
        var state = await installation.EndOfAsync(run);

        Assert.Equal((RunStatus.Failed, name), (state.Status, name));
        Assert.NotEmpty(state.Error!);
        Assert.DoesNotContain("fault of LoraAspire", state.Error, StringComparison.Ordinal);
        await IsKeptAsync(installation, Keys.Inbox);
        await GoesOnAsync(installation);
    }

    public static TheoryData<string, string[]> Submissions() => new()
    {
        { "body null", ["v=1", "type=run.submit", $"run={Poisoned}", "at=2026-01-01T00:00:00Z", "body=null"] },
        { "no yaml", ["v=1", "type=run.submit", $"run={Poisoned}", "at=2026-01-01T00:00:00Z", "body={\"file\":\"a.yaml\"}"] },
        { "yaml a number",
            ["v=1", "type=run.submit", $"run={Poisoned}", "at=2026-01-01T00:00:00Z", "body={\"file\":\"a.yaml\",\"yaml\":5}"] },
        { "no time", ["v=1", "type=run.submit", $"run={Poisoned}", "body={\"file\":\"a.yaml\",\"yaml\":\"\"}"] },
        { "time no time", ["v=1", "type=run.submit", $"run={Poisoned}", "at=yesterday", "body={\"file\":\"a.yaml\",\"yaml\":\"\"}"] },
        { "another version",
            ["v=99", "type=run.submit", $"run={Poisoned}", "at=2026-01-01T00:00:00Z", "body={\"file\":\"a.yaml\",\"yaml\":\"\"}"] },
    };

    [Theory, MemberData(nameof(Submissions))]
    public async Task A_submission_that_cannot_be_read_is_a_failed_run_in_the_list(string name, string[] fields)
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();

        await AddAsync(installation, Keys.Inbox, Poisoned, fields);
        var state = await installation.EndOfAsync(Poisoned);

        Assert.Equal((RunStatus.Failed, name), (state.Status, name));
        var listed = Assert.Single(await installation.Runs.ListAsync());
        Assert.Equal((Poisoned, state.Error), (listed.Id, listed.Error));
        Assert.Contains(Keys.Dead, state.Error, StringComparison.Ordinal);
        await IsKeptAsync(installation, Keys.Inbox);
        await GoesOnAsync(installation);
    }

    [Theory]
    [InlineData("name: a\nstages: [")]
    [InlineData("name: a\nstages: [ { id: x, uses: trainer")]
    [InlineData("{")]
    [InlineData("name: a\nstages:\n  - id: d\n    uses: data-build\n    with: { sources: [ { alpaca: { path: \"a\\0b\" } } ] }\n    "
        + "inputs: { base: model:tiny }\n")]
    [InlineData("")]
    [InlineData("&a [*a]")]
    [InlineData("a: &x {b: *x}")]
    [InlineData("? [a]\n: b")]
    public async Task A_submission_whose_yaml_nobody_can_parse_is_a_failed_run_in_the_list(string yaml)
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();

        await installation.TellAsync(new SubmitRun(Poisoned, DateTimeOffset.UtcNow, "broken.yaml", yaml));
        var state = await installation.EndOfAsync(Poisoned);

        Assert.Equal((RunStatus.Failed, yaml), (state.Status, state.Yaml));
        Assert.NotEmpty(state.Error!);
        Assert.Equal([Poisoned], (await installation.Runs.ListAsync()).Select(run => run.Id));
        await GoesOnAsync(installation);
    }

    [Theory]
    [InlineData("nothing of ours", "a=b")]
    [InlineData("empty names", "=")]
    [InlineData("no run", "v=1", "type=run.submit", "at=2026-01-01T00:00:00Z", "body={\"file\":\"a\",\"yaml\":\"\"}")]
    [InlineData("a run that leaves the store", "v=1", "type=run.submit", "run=..", "at=2026-01-01T00:00:00Z",
        "body={\"file\":\"a\",\"yaml\":\"\"}")]
    [InlineData("an absolute run", "v=1", "type=run.submit", "run=/etc", "at=2026-01-01T00:00:00Z", "body={\"file\":\"a\",\"yaml\":\"\"}")]
    [InlineData("a run that a terminal would obey", "v=1", "type=run.submit", "run=\u001b[2Jx", "at=2026-01-01T00:00:00Z",
        "body={\"file\":\"a\",\"yaml\":\"\"}")]
    [InlineData("two runs", "v=1", "type=run.submit", "run=a", "run=b", "at=2026-01-01T00:00:00Z", "body={\"file\":\"a\",\"yaml\":\"\"}")]
    [InlineData("an outcome of a run that never was", "v=1", "type=attempt.finished", "run=never", "stage=data", "attempt=1", "body=null")]
    public async Task What_belongs_to_no_run_is_kept_and_nothing_else_happens(string name, params string[] fields)
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();

        await AddAsync(installation, Keys.Inbox, "", fields);

        await GoesOnAsync(installation);
        await IsKeptAsync(installation, Keys.Inbox);
        Assert.Equal((1, name), ((await installation.Runs.ListAsync()).Count, name));
    }

    public static TheoryData<string, string[]> Orders() => new()
    {
        { "body null", ["v=1", "type=stage.run", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z", "body=null"] },
        { "attempt beyond int32",
            ["v=1", "type=stage.run", "run=RUN", "stage=data", "attempt=99999999999", "at=2026-01-01T00:00:00Z", "body={}"] },
        { "attempt twice",
            ["v=1", "type=stage.run", "run=RUN", "stage=data", "attempt=1", "attempt=1", "at=2026-01-01T00:00:00Z", "body={}"] },
        { "missing fields", ["v=1", "type=stage.run", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z", "body={}"] },
        { "unknown type", ["v=1", "type=stage.skip", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z", "body={}"] },
        { "no stage", ["v=1", "type=stage.run", "run=RUN", "attempt=1", "at=2026-01-01T00:00:00Z", "body={}"] },
        { "another kind",
            ["v=1", "type=stage.run", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z", Order("\"kind\":\"trainer\"")] },
        { "a key that is a path",
            ["v=1", "type=stage.run", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z", Order("\"key\":\"../..\"")] },
        { "a model that is a path", ["v=1", "type=stage.run", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z",
            Order("\"inputs\":{\"base\":{\"digest\":\"" + new string('a', 64) + "\",\"model\":\"../x\"}}")] },
        { "a negative timeout",
            ["v=1", "type=stage.run", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z", Order("\"timeoutSeconds\":-1")] },
        { "an endless timeout",
            ["v=1", "type=stage.run", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z", Order("\"timeoutSeconds\":1e300")] },
        { "parameters null",
            ["v=1", "type=stage.run", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z", Order("\"with\":null")] },
        { "parameters of another kind", ["v=1", "type=stage.run", "run=RUN", "stage=data", "attempt=1", "at=2026-01-01T00:00:00Z",
            Order("\"with\":{\"sources\":\"none\"}")] },
    };

    [Theory, MemberData(nameof(Orders))]
    public async Task What_a_worker_cannot_read_ends_its_run_in_words_and_the_worker_goes_on(string name, string[] fields)
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        await installation.FirstAsync<StageQueued>(run);
        await installation.Redis.KeyDeleteAsync(Keys.Work("data-build"));

        await AddAsync(installation, Keys.Work("data-build"), run, fields);
        await installation.StartDataBuildAsync(Installation.WriteDataset);
        var state = await installation.EndOfAsync(run);

        Assert.Equal((RunStatus.Failed, name), (state.Status, name));
        Assert.NotEmpty(state.Error!);
        await GoesOnAsync(installation, "Granite");
    }

    [Fact]
    public async Task A_timeout_longer_than_any_timer_is_a_timeout_like_others()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync(Installation.WriteDataset);

        Assert.Equal(RunStatus.Succeeded,
            (await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage(policy: "timeout: 60d")))).Status);
    }

    [Fact]
    public async Task A_log_entry_that_nobody_can_read_is_told_and_fails_the_run_at_its_next_message()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        await installation.FirstAsync<StageQueued>(run);

        await installation.Redis.StreamAddAsync(Keys.Run(run), [new("v", "1"), new("type", "stage.blessed"), new("body", "{}")]);
        var before = await installation.Runs.GetAsync(run);
        await installation.StartDataBuildAsync(Installation.WriteDataset);
        var state = await installation.EndOfAsync(run);
        var lines = await installation.Runs.LogsAsync(run, follow: true, Installation.Soon).ToListAsync(Installation.Soon);

        Assert.Contains("can't be read", Assert.Single(before!.Notes), StringComparison.Ordinal);
        Assert.Equal(RunStatus.Failed, state.Status);
        Assert.Contains("can't be read", state.Error, StringComparison.Ordinal);
        Assert.Contains(lines, line => line.Text.Contains("can't be read", StringComparison.Ordinal));
        Assert.Equal(RunStatus.Failed, Assert.Single(await installation.Runs.ListAsync()).Status);
        await GoesOnAsync(installation, "Granite");
    }

    [Fact]
    public async Task A_run_whose_log_has_no_place_left_or_is_no_log_stops_nobody()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var full = await installation.Runs.SubmitAsync(Installation.OneStage("Full"));
        var other = await installation.Runs.SubmitAsync(Installation.OneStage("Other"));
        await installation.FirstAsync<StageQueued>(full);
        await installation.FirstAsync<StageQueued>(other);
        await installation.Redis.StreamAddAsync(Keys.Run(full), [new("a", "b")], messageId: "18446744073709551615-18446744073709551615");
        await installation.Redis.StringSetAsync(Keys.Run(other), "no log");

        await installation.Runs.CancelAsync(full);
        await installation.Runs.CancelAsync(other);

        await GoesOnAsync(installation, "Granite");
        Assert.Equal(2,
            (await installation.Redis.StreamRangeAsync(Keys.Dead)).Count(letter => Entries.Field(letter, "type") == "run.cancel"));
        Assert.Contains("can't be read", (await installation.Runs.ListAsync()).Single(run => run.Id == other).Error,
            StringComparison.Ordinal);
        Assert.Equal(3, (await installation.Runs.ListAsync()).Count);
    }

    [Fact]
    public async Task A_point_of_progress_that_nobody_can_read_is_told_and_passed_over()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync((context, stop) =>
        {
            context.Report.Report(new StageProgress(Message: "before"));
            return Installation.WriteDataset(context, stop);
        });
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        await installation.Redis.StreamAddAsync(Keys.Progress(run), [new("v", "1"), new("type", "progress"), new("run", run),
            new("stage", "data"), new("at", "2026-01-01T00:00:00Z"), new("body", "{\"progress\":null}")]);
        await installation.Redis.StreamAddAsync(Keys.Progress(run), [new("x", "y")]);
        await installation.EndOfAsync(run);

        var lines = await installation.Runs.LogsAsync(run, follow: true, Installation.Soon).ToListAsync(Installation.Soon);
        var points = await installation.Runs.FollowProgressAsync(run, Installation.Soon).ToListAsync(Installation.Soon);

        Assert.Equal(2, lines.Count(line => line.Text.Contains("can't be read", StringComparison.Ordinal)));
        Assert.Contains(lines, line => line.Text == "before");
        Assert.Equal(3, points.Count);
    }

    [Fact]
    public async Task Keys_of_the_wrong_kind_are_waited_for_and_work_goes_on_when_they_are_gone()
    {
        await using var installation = new Installation(server);
        string[] keys = [Keys.Inbox, Keys.Work("data-build"), Keys.Dead, Keys.Alive];
        foreach (var key in keys)
        {
            await installation.Redis.HashSetAsync(key, "a", "b");
        }
        await installation.StartCoordinatorAsync();
        await installation.StartPulseAsync();
        await installation.StartDataBuildAsync(Installation.WriteDataset);
        await Assert.ThrowsAsync<RedisServerException>(() => installation.Runs.SubmitAsync(Installation.OneStage()));

        await installation.Redis.KeyDeleteAsync([.. keys.Select(key => (RedisKey)key)]);

        await GoesOnAsync(installation);
    }

    private static Task AddAsync(Installation installation, string stream, string run, string[] fields) =>
        installation.Redis.StreamAddAsync(stream,
            [.. fields.Select(field => field.Replace("RUN", run, StringComparison.Ordinal).Split('=', 2))
                .Select(field => new NameValueEntry(field[0], field[1]))]);

    /// <summary>A whole order, one of whose values is replaced.</summary>
    private static string Order(string other)
    {
        var body = new Dictionary<string, string>
        {
            ["pipeline"] = "\"test\"",
            ["kind"] = "\"data-build\"",
            ["key"] = $"\"{new string('b', 64)}\"",
            ["with"] = "{}",
            ["inputs"] = "{}",
            ["dataFiles"] = "{}",
        };
        var (name, value) = other.Split(':', 2) is [var left, var right] ? (left.Trim('"'), right) : throw new ArgumentException(other);
        body[name] = value;
        return $"body={{{string.Join(',', body.Select(pair => $"\"{pair.Key}\":{pair.Value}"))}}}";
    }

    private static async Task IsKeptAsync(Installation installation, string stream)
    {
        var letter = Assert.Single(await installation.Redis.StreamRangeAsync(Keys.Dead));
        Assert.Equal(stream, Entries.Field(letter, "stream"));
        Assert.NotEmpty(Entries.Field(letter, "reason")!);
    }

    /// <summary>The next run is handled as if nothing had been, and nothing waits.</summary>
    private static async Task GoesOnAsync(Installation installation, string name = "Pebble")
    {
        var run = await installation.Runs.SubmitAsync(Installation.OneStage(name));
        await installation.FirstAsync<StageQueued>(run);
        await installation.Runs.CancelAsync(run);
        Assert.True((await installation.EndOfAsync(run)).IsOver);
    }
}
