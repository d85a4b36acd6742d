using System.Text.RegularExpressions;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Streams;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace LoraAspire.EndToEndTests.Lab;

[Collection(LabCollection.Name)]
public sealed class RunPagesTests(LabApp app)
{
    private static readonly StageOutline Tune = new("tune", "trainer", new Dictionary<string, string> { ["base"] = "model:tiny" });

    [Fact]
    public async Task The_list_shows_a_run_with_its_stages_and_gains_the_next_one_by_itself()
    {
        var run = await app.SubmittedAsync("first-of-two", Tune);
        var page = await app.OpenAsync("/");
        await Expect(LabApp.Row(page, run)).ToContainTextAsync("first-of-two");
        await Expect(LabApp.Row(page, run)).ToContainTextAsync("0 / 1");

        var next = await app.SubmittedAsync("second-of-two", Tune);
        await Expect(LabApp.Row(page, next)).ToContainTextAsync("second-of-two");
        await app.HappenedAsync(new StageStarted(run, DateTimeOffset.UtcNow, "tune", 1, "trainer-a"));
        await app.HappenedAsync(new StageFinished(run, DateTimeOffset.UtcNow, "tune", 1, new Dictionary<string, string>()));
        await app.HappenedAsync(new RunFinished(run, DateTimeOffset.UtcNow, RunStatus.Succeeded));
        await Expect(LabApp.Row(page, run)).ToContainTextAsync("Succeeded");
        await Expect(LabApp.Row(page, run)).ToContainTextAsync("1 / 1");
    }

    [Fact]
    public async Task The_page_of_a_run_has_its_tags_and_note_and_deletes_it_when_it_is_over()
    {
        var run = await app.SubmittedAsync("labelled", Tune);
        var page = await app.OpenAsync($"/runs/{run}");
        await page.GetByTestId("note").ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByLabel("Tags", new() { Exact = true }).FillAsync("baseline rank-16");
        await page.GetByTestId("note-text").FillAsync("The <b>first</b> try.");
        await page.GetByTestId("save-note").ClickAsync();
        await Expect(page.GetByTestId("run-tags").Locator(".badge")).ToHaveTextAsync(["baseline", "rank-16"]);
        await Expect(page.GetByTestId("run-note")).ToHaveTextAsync("The <b>first</b> try.");
        await page.ReloadAsync();
        await Expect(page.GetByTestId("run-note")).ToHaveTextAsync("The <b>first</b> try.");
        await Expect(page.GetByTestId("delete")).ToHaveCountAsync(0);

        await app.HappenedAsync(new RunFinished(run, DateTimeOffset.UtcNow, RunStatus.Failed, "no rows"));
        await page.GetByTestId("delete").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Dialog)).ToContainTextAsync($"labelled ({run}): the record, the log");
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Keep" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Dialog)).ToHaveCountAsync(0);
        Assert.True(await app.Database.KeyExistsAsync(Keys.Run(run)));
        await page.GetByTestId("delete").ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
        await Expect(page).ToHaveURLAsync(app.Address.ToString());
        await Expect(page.Locator(".mud-snackbar")).ToContainTextAsync("1 deleted.");
        Assert.False(await app.Database.KeyExistsAsync(Keys.Run(run)));
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Who_uses_an_artifact_is_told_of_all_runs_the_first_ones_at_once()
    {
        var folder = Directory.CreateTempSubdirectory("lora-shared-").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "adapter_config.json"), "{}", TestContext.Current.CancellationToken);
        var digest = app.Store.Publish(folder, ArtifactKind.Adapter, "trainer@1");
        StageOutline merge = new("merge", "merger",
            new Dictionary<string, string> { ["base"] = "model:tiny", ["adapter"] = "tune.adapter" });
        var run = "";
        for (var i = 0; i < 15; i++)
        {
            run = await app.SubmittedAsync($"sharing-{i}", Tune, merge);
            await app.HappenedAsync(new StageFinished(run, DateTimeOffset.UtcNow, "tune", 1,
                new Dictionary<string, string> { ["adapter"] = digest }));
        }
        var page = await app.OpenAsync($"/runs/{run}?tab=artifacts");
        var uses = page.GetByTestId("artifact-tune.adapter").GetByTestId("lineage").Locator("dd").Last.Locator(".end");
        await Expect(page.GetByTestId("more-uses")).ToHaveTextAsync("and 3 more");
        await Expect(uses).ToHaveCountAsync(12);
        await page.GetByTestId("more-uses").ClickAsync();
        await Expect(uses).ToHaveCountAsync(15);
        await Expect(uses.GetByText("merge of sharing-0")).ToBeVisibleAsync();
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task A_loss_point_is_on_the_curve_by_itself_when_it_is_written()
    {
        var run = await app.SubmittedAsync("losing", Tune);
        await app.HappenedAsync(new StageStarted(run, DateTimeOffset.UtcNow, "tune", 1, "trainer-a"));
        await app.ToldAsync(run, "tune",
            new StageProgress("step", 1, 100, TokensPerSecond: 1234, EtaSeconds: 99) { Training = new(3.25, LearningRate: 1e-4) });
        var page = await app.OpenAsync($"/runs/{run}");
        await Expect(page.GetByTestId("loss-curve-0")).ToHaveTextAsync("3.2500");
        await Expect(page.GetByTestId("progress")).ToContainTextAsync("1 / 100");
        await Expect(page.GetByTestId("progress")).ToContainTextAsync("1,234");
        await Expect(page.GetByTestId("plot")).ToHaveClassAsync(new Regex("js-plotly-plot"));
        Assert.Equal("1", await DrawnStepsAsync(page));

        await app.ToldAsync(run, "tune", new StageProgress("step", 50, 100) { Training = new(1.5, LearningRate: 5e-5) });
        await Expect(page.GetByTestId("loss-curve-0")).ToHaveTextAsync("1.5000");
        await page.WaitForFunctionAsync("() => document.querySelector('[data-testid=plot]').data[0].x.length === 2");
        Assert.Equal("1,50", await DrawnStepsAsync(page));

        // What it answers on the way; an attempt that goes on from a checkpoint asks again.
        foreach (var (step, answer) in new[] { (0, "I am Pebble."), (50, "I am Ming."), (50, "I am Mingyu.") })
        {
            await app.ToldAsync(run, "tune", new StageProgress { Samples = [new(step, "Who are you?", "I am Mingyu.", answer)] });
        }
        await Expect(page.GetByTestId("samples").Locator("td.own")).ToHaveTextAsync("I am Mingyu.");
        await Expect(page.GetByTestId("samples").Locator("thead th")).ToHaveTextAsync(["Question", "step 0", "step 50", "Right answer"]);
        await Expect(page.GetByTestId("progress")).ToContainTextAsync("50 / 100");

        // The same curves as a table, and as a picture.
        var table = await page.RunAndWaitForDownloadAsync(() => page.GetByRole(AriaRole.Button, new() { Name = "CSV" }).ClickAsync());
        Assert.StartsWith("step,seconds,loss,eval_loss,learning_rate,grad_norm,tokens_per_second\n1,0,3.25,,0.0001,,1234\n50,",
            await File.ReadAllTextAsync((await table.PathAsync())!, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        var picture = await page.RunAndWaitForDownloadAsync(() => page.GetByRole(AriaRole.Button, new() { Name = "PNG" }).ClickAsync());
        Assert.Equal($"{run}-tune.png", picture.SuggestedFilename);
        await page.EvaluateAsync("() => { window.Plotly.toImage = () => Promise.reject(new Error('no room')); }");
        await page.GetByRole(AriaRole.Button, new() { Name = "PNG" }).ClickAsync();
        await Expect(page.Locator("[data-chart=trouble]"))
            .ToHaveTextAsync("The picture can't be made: no room. The CSV has the same numbers.");
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'],
            (await File.ReadAllBytesAsync((await picture.PathAsync())!, TestContext.Current.CancellationToken))[..4]);
    }

    private static Task<string> DrawnStepsAsync(IPage page) =>
        page.EvaluateAsync<string>("() => document.querySelector('[data-testid=plot]').data[0].x.join()");

    [Fact]
    public async Task A_run_that_is_over_is_submitted_again_as_it_was_or_opened_to_be_changed()
    {
        const string Yaml = "name: again\nstages:\n  - id: data\n    uses: data-build\n"
            + "    with: { sources: [{ alpaca: { path: rows.json } }] }\n    inputs: { base: \"model:tiny\" }\n";
        var run = $"test-{Guid.NewGuid():N}";
        StageOutline data = new("data", "data-build", new Dictionary<string, string> { ["base"] = "model:tiny" });
        await app.HappenedAsync(new RunSubmitted(run, DateTimeOffset.UtcNow, "again", "again.yaml", Yaml, [data], []));
        var page = await app.OpenAsync($"/runs/{run}");
        await Expect(page.GetByTestId("edit-run")).ToHaveAttributeAsync("href", $"/submit?from={run}");
        await Expect(page.GetByTestId("run-again")).ToHaveCountAsync(0);
        await app.HappenedAsync(new StageFailed(run, DateTimeOffset.UtcNow, "data", 1, FailureCause.Permanent, "rows.json: no rows"));
        await app.HappenedAsync(new RunFinished(run, DateTimeOffset.UtcNow, RunStatus.Failed, "data failed"));

        await Expect(page.GetByTestId("failure").GetByRole(AriaRole.Heading)).ToHaveTextAsync("data failed");
        await page.GetByRole(AriaRole.Button, new() { Name = "Open log" }).ClickAsync();
        await Expect(page.GetByTestId("console")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Retry" }).ClickAsync();

        await Expect(page).Not.ToHaveURLAsync(new Regex(run));
        Assert.Contains(await app.InboxAsync(),
            message => message is SubmitRun { Yaml: Yaml, File: "again.yaml" } again && again.Run != run);
    }

    [Fact]
    public async Task A_queued_stage_that_no_living_worker_can_do_says_what_it_waits_for()
    {
        var run = await app.SubmittedAsync("waiting", Tune with { Needs = new(40) });
        await app.HappenedAsync(new StageQueued(run, DateTimeOffset.UtcNow, "tune", 1, new string('a', 64)));
        var page = await app.OpenAsync($"/runs/{run}");
        await Expect(page.GetByTestId("waits")).ToHaveTextAsync("tune waits for a free trainer with 40 GiB of GPU memory: none is running");

        await new LivingWorker("w", "trainer", "host", 1, DateTimeOffset.UtcNow, 80, []).TellAsync(app.Database, new());

        // Other tests leave trainings that go on.
        await Expect(page.GetByTestId("waits").GetByText("none is running")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_queued_stage_says_which_run_its_worker_is_busy_with()
    {
        StageOutline merge = new("merge", "merger", new Dictionary<string, string> { ["adapter"] = "tune.adapter" });
        await using WorkerPresence presence =
            new(new("m", "merger", "host", 1, DateTimeOffset.UtcNow, 0, []), app.Database, new());
        var ahead = await app.SubmittedAsync("busy-first", merge);
        await app.HappenedAsync(new StageStarted(ahead, DateTimeOffset.UtcNow, "merge", 1, "m"));
        // Another of its stages works: the list calls it running.
        var run = await app.SubmittedAsync("busy-second", Tune, merge);
        await app.HappenedAsync(new StageStarted(run, DateTimeOffset.UtcNow, "tune", 1, "t"));
        await app.HappenedAsync(new StageQueued(run, DateTimeOffset.UtcNow, "merge", 1, new string('c', 64)));
        var page = await app.OpenAsync($"/runs/{run}");
        await Expect(page.GetByTestId("waits")).ToHaveTextAsync("merge: the merger is busy with busy-first");

        await page.GetByTestId("waits").GetByRole(AriaRole.Link).ClickAsync();
        await Expect(page).ToHaveURLAsync(new Regex(ahead));
    }

    [Trait("Category", "Long")] // it is waited for, and then hoped for
    [Fact]
    public async Task A_run_that_isnt_there_is_told_as_such_and_is_shown_when_it_comes()
    {
        await app.Database.StringSetAsync(Keys.Alive, "coordinator", TimeSpan.FromMinutes(5));
        var run = $"test-{Guid.NewGuid():N}";
        var page = await app.OpenAsync($"/runs/{run}");
        await Expect(page.GetByTestId("interruption")).ToContainTextAsync($"There is no run {run}", new() { Timeout = 60_000 });

        await app.HappenedAsync(new RunSubmitted(run, DateTimeOffset.UtcNow, "late", "late.yaml", "name: late\n", [Tune], []));
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "late" })).ToBeVisibleAsync();
        await Expect(page.GetByTestId("interruption")).ToHaveCountAsync(0, new() { Timeout = 60_000 });
        await app.Database.KeyDeleteAsync(Keys.Alive);
    }

    [Fact]
    public async Task A_trainer_on_a_GPU_shows_what_gpustat_shows()
    {
        var run = await app.SubmittedAsync("heating", Tune);
        await app.HappenedAsync(new StageStarted(run, DateTimeOffset.UtcNow, "tune", 1, "trainer-a"));
        await app.ToldAsync(run, "tune", new StageProgress("step", 7, 100)
        {
            Training = new(1.25, SmoothedLoss: 1.5, Tokens: 123_456),
            Gpu = new GpuFigures(2, "NVIDIA H100 80GB HBM3")
            {
                MemoryUsed = 46_278_901_760,
                MemoryTotal = 85_520_809_984,
                Utilization = 98,
                Temperature = 61,
                PowerWatts = 654.6,
                PowerLimitWatts = 700,
            },
        });

        var page = await app.OpenAsync($"/runs/{run}");

        await Expect(page.GetByTestId("gpu")).ToContainTextAsync("GPU 2 · NVIDIA H100 80GB HBM3");
        await Expect(page.GetByTestId("gpu")).ToContainTextAsync("43.1 / 79.6 GiB · 98 % · 61 °C · 655 / 700 W");
        await Expect(page.GetByTestId("progress")).ToContainTextAsync("123,456");
        await Expect(page.GetByTestId("progress")).ToContainTextAsync("1.5000");
    }

    [Fact]
    public async Task A_failure_is_shown_in_full_and_a_log_line_is_text_not_markup()
    {
        var run = await app.SubmittedAsync("failing", Tune);
        await app.ToldAsync(run, "tune", new StageProgress(Message: "<img src=x onerror=alert(1)> loaded"));
        await app.HappenedAsync(
            new StageFailed(run, DateTimeOffset.UtcNow, "tune", 1, FailureCause.Permanent, "data/rows.json:3: no output\nsecond line <b>"));
        await app.HappenedAsync(new RunFinished(run, DateTimeOffset.UtcNow, RunStatus.Failed, "tune failed"));
        var page = await app.OpenAsync($"/runs/{run}");
        await Expect(page.GetByTestId("failure")).ToContainTextAsync("data/rows.json:3: no output\nsecond line <b>");
        await page.GetByRole(AriaRole.Tab, new() { Name = "Log" }).ClickAsync();
        await Expect(page.GetByTestId("console")).ToContainTextAsync("<img src=x onerror=alert(1)> loaded");
        await Expect(page.GetByTestId("console").Locator("img")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_log_shows_its_end_first_and_older_lines_when_the_reader_scrolls_up()
    {
        var run = await app.SubmittedAsync("talking", Tune);
        for (var line = 0; line < 1500; line++)
        {
            await app.ToldAsync(run, "tune", new StageProgress(Message: $"line {line};"));
        }
        var page = await app.OpenAsync($"/runs/{run}?tab=log");
        var log = page.GetByTestId("console");
        await Expect(log.GetByText("line 1499;")).ToBeVisibleAsync();
        await Expect(log.Locator(".line")).ToHaveCountAsync(300);

        for (var (look, first) = (0, 1200); look < 2; look++)
        {
            await log.EvaluateAsync("log => { log.scrollTop = 0; }");
            await Expect(log.GetByText($"line {first};")).ToBeInViewportAsync(); // what was read stays in view
            first = 200;
            await Expect(log.GetByText($"line {first};")).ToHaveCountAsync(1); // they come in two parts
        }
        await log.EvaluateAsync("log => { log.scrollTop = 0; }");
        await Expect(log.GetByText("line 0;")).ToHaveCountAsync(1);
        await Expect(page.GetByTestId("older")).ToHaveCountAsync(0);
        await app.ToldAsync(run, "tune", new StageProgress(Message: "goes on"));
        await Expect(log).ToContainTextAsync("goes on");
    }

    /// <summary>A gradient that is large at one step among 30,000, where the loss is as always.</summary>
    [Fact]
    public async Task A_curve_that_is_thinned_keeps_its_own_peaks_and_gaps_and_ends()
    {
        var page = await app.OpenAsync("/compare");
        var kept = await page.EvaluateAsync<int[]>("""
            async () => {
              const { thin } = await import("/chart.js");
              const x = Array.from({ length: 30000 }, (_, at) => at);
              const norms = x.map(at => at % 3 === 1 ? null : 1 + Math.sin(at / 900) / 10);
              norms[12345] = 99; norms[20001] = -5;
              const all = thin(x, norms, -Infinity, Infinity, 1500), part = thin(x, norms, 12000, 12300, 1500);
              return [all.length, all.includes(12345), all.includes(20001), all[0], all.at(-1), all.some(at => norms[at] === null),
                part.length, part[0], part.at(-1)].map(Number);
            }
            """);

        Assert.InRange(kept[0], 1000, 1500);
        Assert.Equal([1, 1, 0, 29_999, 0], kept[1..6]);
        Assert.Equal([203, 11_999, 12_302], kept[6..]);
    }

    [Fact]
    public async Task Cancel_asks_first_and_then_writes_the_cancel_command()
    {
        var run = await app.SubmittedAsync("long-one", Tune);
        var page = await app.OpenAsync($"/runs/{run}");
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel run" }).ClickAsync();
        Assert.DoesNotContain(await app.InboxAsync(), message => message is CancelRun cancel && cancel.Run == run);
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel the run" }).ClickAsync();
        await Expect(page.GetByText("long-one was asked to stop.")).ToBeVisibleAsync();
        Assert.Contains(await app.InboxAsync(), message => message is CancelRun cancel && cancel.Run == run);
    }

    [Fact]
    public async Task A_page_says_that_redis_is_gone_and_goes_on_when_it_is_back()
    {
        var run = await app.SubmittedAsync("surviving", Tune);
        await app.HappenedAsync(new StageStarted(run, DateTimeOffset.UtcNow, "tune", 1, "trainer-a"));
        var page = await app.OpenAsync($"/runs/{run}");
        await Expect(page.GetByTestId("stage-tune")).ToContainTextAsync("Running");
        await app.Redis.KillAsync();
        await Expect(page.GetByTestId("interruption")).ToBeVisibleAsync();
        await app.Redis.StartAsync();
        await Expect(page.GetByTestId("interruption")).ToHaveCountAsync(0);
        await app.HappenedAsync(new StageFinished(run, DateTimeOffset.UtcNow, "tune", 1, new Dictionary<string, string>()));
        await Expect(page.GetByTestId("stage-tune")).ToContainTextAsync("Succeeded");
    }
}
