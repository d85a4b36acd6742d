using System.Text.Json;
using LoraAspire.Cli;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;
using LoraAspire.Tests.Terminal;

namespace LoraAspire.RedisTests.Cli;

/// <summary>The commands of <c>lora</c> that name runs, against runs that were really made.</summary>
public sealed class RunCommandsTests : IAsyncLifetime
{
    /// <summary>A name whose data set is never done.</summary>
    private const string Endless = "Endless";

    private readonly Installation _installation;
    private readonly CapturedTerminal _terminal = new();

    public RunCommandsTests(RedisServer server)
    {
        _installation = new(server);
        _terminal.Set("ConnectionStrings__redis", _installation.Connection.Configuration);
        _terminal.Set("LORA_STATE", Path.Combine(_installation.Paths.State, "state"));
        _terminal.Set("LORA_STORE", _installation.Paths.Store);
        _terminal.Set("LORA_MODELS", _installation.Paths.Models);
        _terminal.Set("LORA_DATA", _installation.Paths.Data);
    }

    public async ValueTask InitializeAsync()
    {
        await _installation.StartCoordinatorAsync();
        await _installation.StartPulseAsync();
        await _installation.StartDataBuildAsync((context, stop) =>
        {
            context.Report.Report(new(Message: "all \u001b[31mrows\u001b[0m read"));
            return ((SelfCognitionSource)context.With.Sources[0].Only!).Name == Endless ? Task.Delay(Timeout.Infinite, stop)
                : Installation.WriteDataset(context, stop);
        });
    }

    public async ValueTask DisposeAsync()
    {
        _terminal.Dispose();
        await _installation.DisposeAsync();
    }

    private async Task<string> RunAsync(string name = "Pebble") =>
        (await _installation.EndOfAsync(await _installation.Runs.SubmitAsync(Installation.OneStage(name)))).Id;

    private async Task<(int Code, string Said)> SayAsync(params string[] words)
    {
        var before = (_terminal.Out.Length, _terminal.Error.Length);
        var code = await LoraCommand.RunAsync(words);
        return (code, _terminal.Out[before.Item1..] + _terminal.Error[before.Item2..]);
    }

    private async Task<JsonElement> JsonAsync(params string[] words)
    {
        var (code, said) = await SayAsync([.. words, "--json"]);
        Assert.Equal(0, code);
        return JsonDocument.Parse(said).RootElement;
    }

    [Fact]
    public async Task Runs_are_listed_the_newest_first_and_can_be_chosen()
    {
        var (first, second) = (await RunAsync(), await RunAsync());

        var all = await JsonAsync("runs");
        Assert.Equal([second, first], all.EnumerateArray().Select(run => run.GetProperty("id").GetString()));
        Assert.Equal(("succeeded", 1), (all[0].GetProperty("state").GetString(), all[0].GetProperty("cached").GetInt32()));
        Assert.Equal($"{second}\n", (await SayAsync("runs", "-q", "-n", "1")).Said);
        Assert.Equal("", (await SayAsync("runs", "-q", "--state", "failed")).Said);
        Assert.Contains("1/1", (await SayAsync("runs")).Said, StringComparison.Ordinal);
        Assert.Equal(2, (await SayAsync("runs", "--state", "lost")).Code);
        Assert.Equal(2, (await SayAsync("runs", "--limit", "-1")).Code);
    }

    [Fact]
    public async Task A_run_is_named_by_its_beginning_or_that_of_its_last_part_or_as_the_latest()
    {
        Assert.Equal((3, true), await FindsAsync("latest", "There is no run yet"));
        var (first, second) = (await RunAsync(), await RunAsync());

        Assert.StartsWith($"{second} ", (await SayAsync("show", "latest")).Said, StringComparison.Ordinal);
        Assert.StartsWith($"{first} ", (await SayAsync("show", first.Split('-')[^1][..6])).Said, StringComparison.Ordinal);
        Assert.StartsWith($"{first} ", (await SayAsync("show", first[..^2])).Said, StringComparison.Ordinal);
        Assert.Equal((2, true), await FindsAsync("20", second));
        Assert.Equal((3, true), await FindsAsync("none\u001b[2J", "No run 'none?[2J'"));
        Assert.Equal((3, true), await FindsAsync("", "No run ''"));

        async Task<(int, bool)> FindsAsync(string name, string words) => await SayAsync("show", name) is var (code, said)
            ? (code, said.Contains(words, StringComparison.Ordinal)) : default;
    }

    [Fact]
    public async Task Show_tells_of_each_stage_and_what_it_said()
    {
        await RunAsync();

        var stage = (await JsonAsync("show", "latest")).GetProperty("stages")[0];
        Assert.Equal(("succeeded", "first run"), (stage.GetProperty("state").GetString(), stage.GetProperty("explanation").GetString()));
        Assert.Contains("rows", stage.GetProperty("last_said").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', (await SayAsync("show", "latest", "--json")).Said);
        Assert.Contains(stage.GetProperty("key").GetString()![..12], (await SayAsync("show", "latest")).Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_has_the_tags_and_the_note_that_people_wrote()
    {
        var run = await RunAsync();
        await _installation.Runs.SetNoteAsync(run, RunNote.Of("baseline rank-16", "Before the \u001b[31mtypo."));

        var said = (await SayAsync("show", "latest")).Said;
        Assert.Contains("tags: baseline rank-16\n", said, StringComparison.Ordinal);
        Assert.Contains("note: Before the ", said, StringComparison.Ordinal);
        var shown = await JsonAsync("show", "latest");
        Assert.Equal(["baseline", "rank-16"], shown.GetProperty("tags").EnumerateArray().Select(tag => tag.GetString()));
        Assert.Equal("Before the \u001b[31mtypo.", shown.GetProperty("note").GetString());
    }

    [Fact]
    public async Task Explain_says_why_a_stage_ran_or_did_not()
    {
        await RunAsync();
        Assert.Equal((0, "data: ran: first run\n"), await SayAsync("explain", "latest"));
        await RunAsync();
        Assert.StartsWith("data: taken from the cache", (await SayAsync("explain", "latest", "data")).Said, StringComparison.Ordinal);
        await RunAsync("Granite");
        Assert.Contains("Granite", (await SayAsync("explain", "latest")).Said, StringComparison.Ordinal);
        Assert.Equal(3, (await SayAsync("explain", "latest", "dat")).Code);
    }

    [Fact]
    public async Task Compare_tells_the_settings_that_differ_and_no_other()
    {
        var (first, second) = (await RunAsync(), await RunAsync("Granite"));

        var compared = await JsonAsync("compare", first, second);
        var row = Assert.Single(compared.GetProperty("settings").EnumerateArray());
        Assert.Equal("data: sources", row.GetProperty("key").GetString());
        Assert.Contains("Granite", row.GetProperty("values")[1].GetString(), StringComparison.Ordinal);
        Assert.Contains("They don't differ", (await SayAsync("compare", first, first)).Said, StringComparison.Ordinal);
        Assert.Equal(2, (await SayAsync("compare", first)).Code);
    }

    [Fact]
    public async Task Retry_runs_the_same_pipeline_again()
    {
        var first = await RunAsync();

        var (code, said) = await SayAsync("retry", first, "--follow");

        Assert.Equal(0, code);
        var again = (await _installation.Runs.GetAsync(said.Split('\n')[0]))!;
        Assert.NotEqual(first, again.Id);
        Assert.True(again.Stages[0].Cached);
    }

    [Fact]
    public async Task Who_follows_a_run_ends_as_it_does_and_has_its_id_first()
    {
        var file = Path.Combine(_installation.Paths.Data, "follow.yaml");
        await File.WriteAllTextAsync(file, Installation.OneStage(), Installation.Soon);

        var (code, said) = await SayAsync("run", file, "-f");

        var first = Assert.Single(await _installation.Runs.IdsAsync());
        Assert.Equal((0, first), (code, said.Split('\n')[0]));
        Assert.Contains("succeeded", said, StringComparison.Ordinal);

        await File.WriteAllTextAsync(file, """
            name: waits
            stages:
              - { id: ask, uses: evaluator, inputs: { model: model:tiny }, with: { questions: [who] } }
            """, Installation.Soon);
        var following = SayAsync("run", file, "-f");
        var poll = new PollDelay(_installation.Options);
        while ((await _installation.Runs.IdsAsync()).Count < 2)
        {
            await poll.WaitAsync(Installation.Soon);
        }
        await _installation.Runs.CancelAsync((await _installation.Runs.IdsAsync())[0]);
        Assert.Equal(130, (await following).Code);
    }

    [Fact]
    public async Task Who_follows_a_run_has_a_link_to_its_model_unless_the_store_is_elsewhere()
    {
        await _installation.StartWorkerAsync<TrainerParams>(StageKinds.Trainer, (context, stop) =>
            File.WriteAllTextAsync(Path.Combine(context.OutputDir("model"), "config.json"), "{}", stop));
        var file = Path.Combine(_installation.Paths.Data, "full.yaml");
        await File.WriteAllTextAsync(file, Installation.OneStage() + """

              - id: tune
                uses: trainer
                inputs: { dataset: data.dataset, base: model:tiny }
                with: { finetuning_type: full }
            """, Installation.Soon);

        var (code, said) = await SayAsync("run", file, "-f");
        Assert.Equal(0, code);
        Assert.Contains($"Model: {Path.Combine(App.Folders.ModelLinks, "test")}", said, StringComparison.Ordinal);

        _terminal.Set("LORA_STORE", Path.Combine(_installation.Paths.State, "elsewhere"));
        (code, said) = await SayAsync("run", file, "-f");
        Assert.Equal(0, code);
        Assert.Contains("No link leads to the model: ", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rm_forgets_runs_that_are_over_and_nothing_else()
    {
        var (first, second) = (await RunAsync(), await RunAsync());
        Assert.Equal(3, (await SayAsync("rm", first, "none")).Code);
        Assert.NotNull(await _installation.Runs.GetAsync(first));

        Assert.Equal((0, $"removed {first}\n"), await SayAsync("rm", first));

        Assert.Null(await _installation.Runs.GetAsync(first));
        Assert.Equal([second], await _installation.Runs.IdsAsync());
        Assert.False(await _installation.Redis.KeyExistsAsync(Keys.Progress(first)));
    }

    [Fact]
    public async Task Ps_names_who_lives_and_rm_refuses_what_is_at_work()
    {
        await RunAsync(); // so that both have looked for work
        var run = await _installation.Runs.SubmitAsync("""
            name: waits
            stages:
              - { id: ask, uses: evaluator, inputs: { model: model:tiny }, with: { questions: [who] } }
            """);
        await _installation.FirstAsync<StageQueued>(run);

        var (code, said) = await SayAsync("ps");
        Assert.Equal(0, code);
        Assert.Matches("coordinator +" + Environment.MachineName, said);
        Assert.Matches("data-build +" + Environment.MachineName, said);
        Assert.Contains($"{run} ask waits for an evaluator: none is running", said, StringComparison.Ordinal);
        Assert.Equal(1, (await SayAsync("rm", run)).Code);
        Assert.NotNull(await _installation.Runs.GetAsync(run));
        var (stopped, told) = await SayAsync("cancel", run);
        Assert.Equal(0, stopped);
        Assert.Contains($"{run} is over: cancelled", told, StringComparison.Ordinal);
        Assert.Equal(0, (await SayAsync("rm", run)).Code);

        // The order is still in its stream: who takes it must find that it was cancelled.
        Assert.True(await _installation.Redis.KeyExistsAsync(Keys.Cancel(run)));
    }

    [Fact]
    public async Task A_run_is_submitted_again_followed_read_and_removed_as_JSON()
    {
        var first = await RunAsync();
        var ended = await OnlyJsonAsync("retry", first, "-f");
        var again = ended.GetProperty("id").GetString()!;
        Assert.Equal(("succeeded", true), (ended.GetProperty("state").GetString(),
            ended.GetProperty("stages")[0].GetProperty("outputs").TryGetProperty("dataset", out _)));
        Assert.Equal(JsonValueKind.String, (await OnlyJsonAsync("retry", first)).GetProperty("id").ValueKind);
        Assert.Equal("succeeded", (await OnlyJsonAsync("cancel", again)).GetProperty("state").GetString());

        var before = _terminal.Out.Length;
        Assert.Equal(0, await LoraCommand.RunAsync(["logs", again, "--json"]));
        var lines = _terminal.Out[before..].Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Contains(lines, line => line.GetProperty("stage").GetString() == "data");
        Assert.Equal([again], (await OnlyJsonAsync("rm", again)).GetProperty("removed").EnumerateArray().Select(id => id.GetString()));
    }

    /// <summary>What stands on standard output: nothing but one value.</summary>
    private async Task<JsonElement> OnlyJsonAsync(params string[] words)
    {
        var before = _terminal.Out.Length;
        Assert.Equal(0, await LoraCommand.RunAsync([.. words, "--json"]));
        return JsonDocument.Parse(_terminal.Out[before..]).RootElement;
    }

    [Fact]
    public async Task Cancel_waits_until_it_has_stopped_and_says_what_was_said_last()
    {
        var run = await _installation.Runs.SubmitAsync(Installation.OneStage(Endless));
        await _installation.FirstAsync<StageStarted>(run);
        await foreach (var _ in _installation.Runs.FollowProgressAsync(run, Installation.Soon))
        {
            break;
        }

        var (code, said) = await SayAsync("cancel", run);

        Assert.Equal(0, code);
        Assert.Matches(
            $"cancelling {run}; Ctrl-C leaves, and it stops all the same\ndata: .*rows.* read\n{run} is over: cancelled\n", said);

        var next = await _installation.Runs.SubmitAsync(Installation.OneStage(Endless, "retries: 1"));
        await _installation.FirstAsync<StageStarted>(next);
        Assert.Contains($"`lora logs -f {next}` shows", (await SayAsync("cancel", next, "--no-wait")).Said, StringComparison.Ordinal);
        Assert.Equal(RunStatus.Cancelled, (await _installation.EndOfAsync(next)).Status);
    }

    [Fact]
    public async Task Open_prints_the_page_of_a_run()
    {
        var run = await RunAsync();
        var state = Directory.CreateDirectory(Path.Combine(_installation.Paths.State, "state")).FullName;
        Assert.Equal(4, (await SayAsync("open", "--print")).Code);

        await new AppAddresses("x", "http://localhost:1/", "http://localhost:2", null, 1).WriteAsync(state, Installation.Soon);

        Assert.Equal((0, $"http://localhost:1/runs/{run}\n"), await SayAsync("open", "latest", "--print"));
    }

    [Fact]
    public async Task A_pipeline_that_is_wrong_fails_with_its_place()
    {
        var file = Path.Combine(_installation.Paths.Data, "p.yaml");
        await File.WriteAllTextAsync(file, "name: x", TestContext.Current.CancellationToken);

        Assert.Equal(5, (await SayAsync("run", file)).Code);
        Assert.Equal(3, (await SayAsync("run", file + ".none")).Code);
    }

    [Fact]
    public async Task A_run_that_is_over_is_not_said_to_be_cancelled()
    {
        var run = await RunAsync();

        Assert.Equal((0, $"{run} is over: succeeded"), await SayAsync("cancel", run) is var (code, said) ? (code, said.Trim()) : default);
    }
}
