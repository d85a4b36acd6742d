using LoraAspire.Machine;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Time.Testing;
using StackExchange.Redis;

namespace LoraAspire.RedisTests;

/// <summary>All runs, for all pages at once.</summary>
public sealed class RunBoardTests : IAsyncDisposable
{
    private static readonly StageOutline s_tune = new("tune", "trainer", new Dictionary<string, string> { ["base"] = "model:tiny" });

    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly Installation _installation;
    private readonly RunBoard _board;

    public RunBoardTests(RedisServer server)
    {
        _installation = new(server) { Options = new() { Clock = _clock } };
        _board = new(_installation.Connection, _installation.Options);
    }

    public ValueTask DisposeAsync() => _installation.DisposeAsync();

    [Fact]
    public async Task Many_who_ask_read_each_log_once_and_what_is_over_never_again()
    {
        await Task.WhenAll(Enumerable.Range(0, 40).Select(index => MadeAsync($"over-{index}", isOver: true)));
        await MadeAsync("going", isOver: false);
        var before = await ReadsAsync();

        var looks = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _board.LookAsync()));

        Assert.All(looks, look => Assert.Same(looks[0], look));
        Assert.Equal(41, looks[0].Runs.Count);
        Assert.Equal(41, await ReadsAsync() - before);
        Assert.Same(looks[0], await NextAsync());
        Assert.Equal(42, await ReadsAsync() - before);
    }

    [Fact]
    public async Task A_look_shows_what_has_come_and_gone_since_the_last()
    {
        await MadeAsync("first", isOver: false);
        Assert.Equal(["first"], (await _board.LookAsync()).Runs.Select(run => run.Id));

        await _installation.Redis.StreamAddAsync(Keys.Run("first"),
            Entries.ToEntry<RunEvent>(new StageStarted("first", _clock.GetUtcNow(), "tune", 1, "trainer-a")));
        await MadeAsync("second", isOver: true);
        var grown = await NextAsync();
        Assert.Equal(["second", "first"], grown.Runs.Select(run => run.Id));
        Assert.Equal(StageStatus.Running, grown.Runs[1].Stages[0].Status);

        Assert.True(await _installation.Runs.RemoveAsync("second"));
        Assert.Equal(["first"], (await NextAsync()).Runs.Select(run => run.Id));
    }

    [Fact]
    public async Task A_note_is_kept_beside_its_run_and_goes_with_it()
    {
        await MadeAsync("kept", isOver: true);
        var runs = _installation.Runs;
        Assert.True(await runs.SetNoteAsync("kept", RunNote.Of("baseline, rank-16", " The first. ")));
        Assert.False(await runs.SetNoteAsync("unknown", RunNote.Of("lost", "")));

        var note = (await _board.LookAsync()).NoteOf("kept");
        Assert.Equal(("baseline rank-16", "The first."), (string.Join(' ', note.Tags), note.Text));
        Assert.Equal("The first.", (await runs.NoteAsync("kept")).Text);
        Assert.True((await _board.LookAsync()).NoteOf("unknown").IsEmpty);

        await runs.SetNoteAsync("kept", RunNote.None);
        Assert.Equal(0, await _installation.Redis.HashLengthAsync(Keys.Notes));
        await runs.SetNoteAsync("kept", note);
        await runs.RemoveAsync("kept");
        Assert.Equal(0, await _installation.Redis.HashLengthAsync(Keys.Notes));
    }

    [Theory]
    [InlineData("no JSON")]
    [InlineData("null")]
    [InlineData("{\"tags\":[\"<b>\"],\"text\":\"\"}")]
    [InlineData("{\"tags\":null,\"text\":\"\"}")]
    public async Task What_is_no_note_is_passed_over(string json)
    {
        await MadeAsync("noted", isOver: true);
        await _installation.Redis.HashSetAsync(Keys.Notes, "noted", json);

        Assert.True((await _board.LookAsync()).NoteOf("noted").IsEmpty);
        Assert.True((await _installation.Runs.NoteAsync("noted")).IsEmpty);
    }

    [Fact]
    public async Task A_log_that_is_none_is_a_failed_run()
    {
        await _installation.Redis.StringSetAsync(Keys.Run("odd"), "text");
        await _installation.Redis.SortedSetAddAsync(Keys.Runs, "odd", 1);

        var odd = Assert.Single((await _board.LookAsync()).Runs);
        Assert.Equal(RunStatus.Failed, odd.Status);
        Assert.Contains("can't be read", odd.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_that_lost_its_end_and_grew_again_under_the_same_ids_is_told_from_its_start()
    {
        var (log, at) = (Keys.Run("torn"), _clock.GetUtcNow());
        NameValueEntry[] submitted = Entries.ToEntry<RunEvent>(new RunSubmitted("torn", at, "torn", "p.yaml", "", [s_tune], []));
        NameValueEntry[] started = Entries.ToEntry<RunEvent>(new StageStarted("torn", at, "tune", 1, "trainer-a"));
        NameValueEntry[] queued = Entries.ToEntry<RunEvent>(new StageQueued("torn", at, "tune", 1, new string('a', 64)));
        await _installation.Redis.StreamAddAsync(log, submitted, "1-0");
        await _installation.Redis.StreamAddAsync(log, started, "2-0");
        await _installation.Redis.SortedSetAddAsync(Keys.Runs, "torn", 1);
        Assert.Equal(StageStatus.Running, Assert.Single((await _board.LookAsync()).Runs).Stages[0].Status);

        await _installation.Redis.KeyDeleteAsync(log);
        await _installation.Redis.StreamAddAsync(log, submitted, "1-0");
        await _installation.Redis.StreamAddAsync(log, queued, "2-0");
        Assert.Equal(StageStatus.Queued, Assert.Single((await NextAsync()).Runs).Stages[0].Status);

        await _installation.Redis.KeyDeleteAsync(log);
        Assert.Empty((await NextAsync()).Runs);
        await _installation.Redis.StreamAddAsync(log, submitted, "1-0");
        var run = Assert.Single((await NextAsync()).Runs);
        Assert.Equal((1, StageStatus.Pending), (run.Version, run.Stages[0].Status));
    }

    [Fact]
    public async Task Runs_that_were_over_are_read_again_of_a_Redis_that_was_started_anew()
    {
        var port = Ports.Free(1)[0];
        var options = ConfigurationOptions.Parse($"127.0.0.1:{port},connectTimeout=5000");
        options.ReconnectRetryPolicy = new LinearRetry(100);
        RedisServer before = new() { Arguments = _ => $"--port {port}", ConnectionString = _ => $"127.0.0.1:{port}" };
        await before.InitializeAsync();
        await using var connection = await ConnectionMultiplexer.ConnectAsync(options);
        RunBoard board = new(connection, _installation.Options);
        var submitted = Entries.ToEntry<RunEvent>(new RunSubmitted("old", _clock.GetUtcNow(), "old", "p.yaml", "", [s_tune], []));
        var finished = Entries.ToEntry<RunEvent>(new RunFinished("old", _clock.GetUtcNow(), RunStatus.Succeeded));
        await KeptAsync(before, submitted, finished);
        Assert.True(Assert.Single((await board.LookAsync()).Runs).IsOver);

        await before.DisposeAsync();
        await using RedisServer after = new() { Arguments = before.Arguments, ConnectionString = before.ConnectionString };
        await after.InitializeAsync();
        await KeptAsync(after, submitted);

        var (soon, now) = (Installation.Soon, (RunsNow?)null);
        while (now is null || now.Runs is not [{ IsOver: false }])
        {
            soon.ThrowIfCancellationRequested();
            _clock.Advance(RunBoard.Interval);
            try
            {
                now = await board.LookAsync();
            }
            catch (Exception error) when (error is RedisException or TimeoutException)
            {
                now = null;
            }
        }

        static async Task KeptAsync(RedisServer server, params NameValueEntry[][] entries)
        {
            var redis = server.Connection.GetDatabase();
            foreach (var entry in entries)
            {
                await redis.StreamAddAsync(Keys.Run("old"), entry);
            }
            await redis.SortedSetAddAsync(Keys.Runs, "old", 1);
        }
    }

    [Fact]
    public async Task What_is_gone_or_no_log_is_removed_all_the_same()
    {
        await _installation.Redis.StringSetAsync(Keys.Run("odd"), "text");
        await _installation.Redis.SortedSetAddAsync(Keys.Runs, "odd", 1);

        Assert.True(await _installation.Runs.RemoveAsync("odd"));
        Assert.True(await _installation.Runs.RemoveAsync("odd"));
        Assert.False(await _installation.Redis.KeyExistsAsync(Keys.Run("odd")));
        Assert.Empty((await _board.LookAsync()).Runs);
    }

    [Fact]
    public async Task The_last_lines_of_a_long_log_are_read_without_those_before_and_then_what_comes()
    {
        await MadeAsync("long", isOver: true);
        foreach (var line in Enumerable.Range(0, 50))
        {
            await _installation.Redis.StreamAddAsync(Keys.Progress("long"),
                Entries.ToEntry(new ProgressPoint("long", _clock.GetUtcNow(), "tune", new(Message: $"line {line}"))));
        }

        var lines = await _installation.Runs.LogsAsync("long", follow: false, 3, Installation.Soon).ToListAsync(Installation.Soon);

        Assert.Equal(["line 47", "line 48", "line 49"],
            lines.Select(line => line.Text).Where(text => text.StartsWith("line", StringComparison.Ordinal)));
    }

    private async Task<RunsNow> NextAsync()
    {
        _clock.Advance(RunBoard.Interval);
        return await _board.LookAsync();
    }

    private async Task MadeAsync(string run, bool isOver)
    {
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        var at = _clock.GetUtcNow();
        List<RunEvent> events = [new RunSubmitted(run, at, run, "p.yaml", "", [s_tune], [])];
        if (isOver)
        {
            events.Add(new RunFinished(run, at, RunStatus.Succeeded));
        }
        foreach (var happened in events)
        {
            await _installation.Redis.StreamAddAsync(Keys.Run(run), Entries.ToEntry(happened));
        }
        await _installation.Redis.SortedSetAddAsync(Keys.Runs, run, at.ToUnixTimeMilliseconds());
    }

    /// <summary>How often any log was read so far.</summary>
    private async Task<long> ReadsAsync() =>
        (await _installation.Connection.GetServers()[0].InfoAsync("commandstats")).SelectMany(group => group)
            .Where(pair => pair.Key is "cmdstat_xread" or "cmdstat_xrange" or "cmdstat_xrevrange")
            .Sum(pair => long.Parse(pair.Value.Split("calls=")[1].Split(',')[0], System.Globalization.CultureInfo.InvariantCulture));
}
