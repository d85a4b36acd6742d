using System.Text.RegularExpressions;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Streams;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace LoraAspire.EndToEndTests.Lab;

/// <summary>The list of runs, their comparison, and the GPUs.</summary>
[Collection(LabCollection.Name)]
public sealed class ListPagesTests(LabApp app)
{
    private static readonly StageOutline s_tune = new("tune", "trainer", new Dictionary<string, string> { ["base"] = "model:tiny" });

    [Fact]
    public async Task Runs_are_found_tagged_and_deleted_and_what_was_looked_for_stands_in_the_address()
    {
        var (first, second) = (await OverAsync("needle-one", RunStatus.Failed), await OverAsync("needle-two", RunStatus.Succeeded));
        var page = await app.OpenAsync("/?q=needle");
        await Expect(LabApp.Row(page, first)).ToContainTextAsync("needle-one");
        await Expect(page.GetByTestId("shown")).ToContainTextAsync("1–2 of 2");

        await LabApp.Row(page, second).GetByTestId("note").ClickAsync();
        var tags = page.GetByRole(AriaRole.Dialog).GetByLabel("Tags", new() { Exact = true });
        await tags.FillAsync("baseline <b>");
        await page.GetByTestId("save-note").ClickAsync();
        await Expect(page.GetByTestId("note-trouble")).ToContainTextAsync("Tags are words");
        await tags.FillAsync("baseline");
        await page.GetByTestId("save-note").ClickAsync();
        await Expect(LabApp.Row(page, second)).ToContainTextAsync("baseline");

        await page.GetByTestId("filter-tag").SelectOptionAsync("baseline");
        await Expect(LabApp.Row(page, first)).ToHaveCountAsync(0);
        Assert.Contains("tag=baseline", page.Url, StringComparison.Ordinal);
        await page.ReloadAsync();
        await Expect(LabApp.Row(page, second)).ToBeVisibleAsync();
        await Expect(LabApp.Row(page, first)).ToHaveCountAsync(0);
        await page.GetByTestId("clear-filters").ClickAsync();
        await page.GetByLabel("Search runs").FillAsync("needle");
        await page.GetByRole(AriaRole.Button, new() { Name = "Run", Exact = true }).ClickAsync();
        await Expect(page.GetByTestId("runs").Locator("tbody tr").First).ToContainTextAsync("needle-one");
        Assert.Contains("sort=name", page.Url, StringComparison.Ordinal);

        await LabApp.Row(page, first).GetByRole(AriaRole.Checkbox).CheckAsync();
        await page.GetByTestId("delete").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Dialog)).ToContainTextAsync($"needle-one ({first}): the record, the log");
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
        await Expect(LabApp.Row(page, first)).ToHaveCountAsync(0);
        Assert.False(await app.Database.KeyExistsAsync(Keys.Run(first)));
        await Expect(LabApp.Row(page, second)).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_run_that_waits_says_whose_turn_it_is()
    {
        // Other tests leave trainings that go on.
        StageOutline ask = new("ask", "evaluator", new Dictionary<string, string> { ["model"] = "model:tiny" });
        await using WorkerPresence presence =
            new(new("t", "evaluator", "host", 1, DateTimeOffset.UtcNow, 0, []), app.Database, new());
        var ahead = await app.SubmittedAsync("turn-first", ask);
        await app.HappenedAsync(new StageStarted(ahead, DateTimeOffset.UtcNow, "ask", 1, "t"));
        var waiting = await app.SubmittedAsync("turn-second", ask);
        await app.HappenedAsync(new StageQueued(waiting, DateTimeOffset.UtcNow, "ask", 1, new string('b', 64)));

        var page = await app.OpenAsync("/?q=turn-");

        await Expect(LabApp.Row(page, waiting)).ToContainTextAsync("Queued");
        await Expect(LabApp.Row(page, waiting)).ToContainTextAsync("the evaluator is busy with");
        await Expect(LabApp.Row(page, ahead)).ToContainTextAsync("Running");
        await app.HappenedAsync(new RunFinished(ahead, DateTimeOffset.UtcNow, RunStatus.Failed, "x"));
        await Expect(LabApp.Row(page, waiting)).ToContainTextAsync("waits for a free evaluator");
    }

    [Fact]
    public async Task Chosen_runs_are_compared_by_their_curves_settings_scores_and_answers()
    {
        var (first, second) = (await new FinishedRun(app).MadeAsync("weighed-one"), await new FinishedRun(app).MadeAsync("weighed-two"));
        var page = await app.OpenAsync("/?q=weighed");
        await LabApp.Row(page, first).GetByRole(AriaRole.Checkbox).CheckAsync();
        await Expect(page.GetByTestId("chosen")).ToContainTextAsync("Choose 2 to 6");
        await LabApp.Row(page, second).GetByRole(AriaRole.Checkbox).CheckAsync();
        await page.GetByTestId("compare").ClickAsync();

        await Expect(page.GetByTestId("compared-runs")).ToContainTextAsync("weighed-one");
        await Expect(page.GetByTestId("compared-loss").Locator("path.drawn")).ToHaveCountAsync(2);
        await Expect(page.GetByTestId("compared-loss").Locator("path.s1")).ToHaveAttributeAsync("d", new Regex("L100 "));
        await page.GetByTestId("axis-tokens").ClickAsync();
        await Expect(page.GetByTestId("compared-loss")).ToContainTextAsync("2,000 tokens");
        await page.GetByTestId("axis-time").ClickAsync();
        await Expect(page.GetByTestId("timeless")).ToContainTextAsync("weighed-two, weighed-one");
        await Expect(page.GetByTestId("compared-settings")).ToContainTextAsync("They don't differ");
        await page.GetByTestId("all-settings").CheckAsync();
        await Expect(page.GetByTestId("compared-settings")).ToContainTextAsync("pipeline");
        await Expect(page.GetByTestId("compared-scores")).ToContainTextAsync("perplexity");
        await Expect(page.GetByTestId("answers").First).ToContainTextAsync("I am Mingyu, an assistant.");
        await Expect(page.GetByTestId("answers").First).ToContainTextAsync("<b>bold</b>");
        await Expect(page.Locator("main b:text-is('bold')")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task The_pages_speak_the_language_that_is_chosen()
    {
        var run = await OverAsync("spoken", RunStatus.Failed);
        var page = await app.OpenAsync("/?q=spoken");
        await Expect(LabApp.Row(page, run)).ToContainTextAsync("Failed");

        await page.GetByTestId("language").ClickAsync();

        await Expect(page.Locator("h1")).ToHaveTextAsync("运行");
        await Expect(page.Locator("html")).ToHaveAttributeAsync("lang", "zh-Hans");
        await Expect(LabApp.Row(page, run)).ToContainTextAsync("失败");
        await page.GetByRole(AriaRole.Link, new() { Name = "spoken" }).ClickAsync();
        await Expect(page.GetByTestId("run-again")).ToHaveTextAsync("重试");
        await Expect(page.GetByRole(AriaRole.Tab, new() { Name = "产物" })).ToBeVisibleAsync();
        await page.GetByTestId("language").ClickAsync();
        await Expect(page.GetByTestId("run-again")).ToHaveTextAsync("Retry");
    }

    [Fact]
    public async Task The_GPUs_of_a_worker_elsewhere_show_the_training_that_has_them()
    {
        var (card, run) = ("GPU-test", await app.SubmittedAsync("on-a-card", s_tune));
        await app.Database.StringSetAsync(Keys.Device(card), new GpuHolder(run, "tune", 1, "far-1").Text);
        foreach (var (step, watts) in new[] { (7, 540), (8, 512) })
        {
            await app.ToldAsync(run, "tune", new StageProgress("step", step, 100)
            {
                Gpu = new GpuFigures(0, "NVIDIA H100 80GB HBM3")
                {
                    MemoryUsed = 46_278_901_760,
                    MemoryTotal = 85_520_809_984,
                    Utilization = 98,
                    PowerWatts = watts,
                    Temperature = 61,
                },
            });
        }
        LivingWorker worker = new("far-1", "trainer", "far-host", 1, DateTimeOffset.UtcNow, 80,
            [new(0, card, "NVIDIA H100 80GB HBM3", 85_520_809_984)]);
        var page = await app.OpenAsync("/gpus");
        var shown = page.GetByTestId("gpu-card").Filter(new() { Has = page.Locator($"[title='{card}']") });

        await using (new WorkerPresence(worker, app.Database, new()))
        {
            await Expect(shown).ToContainTextAsync("98 %");
            await Expect(shown).ToContainTextAsync("43.1 / 79.6 GiB");
            await Expect(shown.GetByTestId("gpu-user")).ToContainTextAsync("tune of on-a-card");
            await Expect(shown.GetByRole(AriaRole.Img, new() { Name = "Power: 512 W now, 540 at most" })).ToBeVisibleAsync();
            await Expect(shown.GetByRole(AriaRole.Img, new() { Name = "Temperature: 61 °C now, 61 at most" })).ToBeVisibleAsync();
        }
        await Expect(shown).ToHaveCountAsync(0);
    }

    private async Task<string> OverAsync(string name, RunStatus status)
    {
        var run = await app.SubmittedAsync(name, s_tune);
        await app.HappenedAsync(new RunFinished(run, DateTimeOffset.UtcNow, status));
        return run;
    }
}
