using System.Diagnostics;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;
using Microsoft.Playwright;
using StackExchange.Redis;
using static Microsoft.Playwright.Assertions;

namespace LoraAspire.EndToEndTests.Lab;

/// <summary>
/// A thousand runs of five stages, and a run that said 100,000 lines: for the list, for the log, for the GPUs and for the chat the lab
/// computes less than a second each. Only curves, also those beside each other, are made of all of up to 20,000 points. What was measured
/// is written out, beside what reading everything anew takes, and a page with nothing on it.
/// </summary>
[Trait("Category", "Long")]
public sealed class ManyRunsTests(LabApp app) : IClassFixture<LabApp>
{
    private const int Runs = 1000;
    private const int Lines = 100_000;

    /// <summary>As many as are kept of a run.</summary>
    private const int Steps = 20_000;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_curvesLimit = TimeSpan.FromSeconds(5);
    private static readonly string[] s_stages = ["data", "tune", "merge", "ask", "serve"];

    private readonly StreamSettings _settings = new();

    [Fact]
    public async Task A_list_of_a_thousand_runs_and_a_log_of_many_lines_cost_little()
    {
        await MakeRunsAsync();
        await MakeLogAsync("run-0999");
        await MakeTrainingAsync("run-0998");
        await MakeTrainingAsync("run-0997");
        await app.RestartLabAsync();
        RunClient client = new(app.Database.Multiplexer, _settings);
        RunBoard board = new(app.Database.Multiplexer, _settings);
        await TimeAsync("list, every log anew", async () => await client.ListAsync());
        await TimeAsync("list, first look", board.LookAsync);
        await TimeAsync("log, all of it", async () =>
            await client.LogsAsync("run-0999", follow: false).CountAsync());
        await TimeAsync("log, its end", async () =>
            await client.LogsAsync("run-0999", follow: false, 5000, CancellationToken.None).CountAsync());
        await TimeAsync("points of a training, all of them", async () => await client.ProgressAsync("run-0998"));

        var page = await app.OpenAsync("/submit");
        await VisitAsync("page with nothing on it", "/compare", () => Expect(page.Locator(".empty")).ToBeVisibleAsync());
        var list = await VisitAsync("page of the runs", "/",
            () => Expect(page.GetByTestId("shown")).ToContainTextAsync("1–25 of 1,000"));
        var found = await VisitAsync("a search in it", "/?q=run-0042",
            () => Expect(page.GetByTestId("shown")).ToContainTextAsync("1–1 of 1"));
        var log = await VisitAsync("page of the log", "/runs/run-0999?tab=log",
            () => Expect(page.GetByTestId("console")).ToContainTextAsync($"line {Lines - 1}"));
        var curves = await VisitAsync("page of the progress", "/runs/run-0999?tab=progress&stage=tune",
            () => Expect(page.GetByTestId("last-message")).ToContainTextAsync($"line {Lines - 1}"));
        var trained = await VisitAsync("page of the curves of a training", "/runs/run-0998?tab=progress&stage=tune",
            () => Expect(page.GetByTestId("plot").Locator(".main-svg").First).ToBeVisibleAsync());
        var compared = await VisitAsync("page of two trainings beside each other", "/compare?runs=run-0997,run-0998",
            () => Expect(page.GetByTestId("compared-loss").Locator("path")).ToHaveCountAsync(2));
        var gpus = await VisitAsync("page of the GPUs", "/gpus",
            () => Expect(page.Locator("[data-testid=no-gpu], [data-testid=gpu-card]").First).ToBeVisibleAsync());
        var result = await VisitAsync("page of the result", "/runs/run-0996?tab=result",
            () => Expect(page.GetByRole(AriaRole.Tab, new() { Name = "Result" })).ToHaveAttributeAsync("aria-selected", "true"));
        var artifacts = await VisitAsync("page of the artifacts", "/runs/run-0996?tab=artifacts",
            () => Expect(page.GetByRole(AriaRole.Tab, new() { Name = "Artifacts" })).ToHaveAttributeAsync("aria-selected", "true"));
        var submit = await VisitAsync("page of a new run", "/submit",
            () => Expect(page.Locator(".monaco-editor .view-lines")).ToBeVisibleAsync());
        var chat = await VisitAsync("page of the chat", "/chat", () => Expect(page.GetByTestId("model")).ToBeVisibleAsync());
        Assert.All([list, found, log, result, artifacts, submit, gpus, chat], took => Assert.InRange(took, TimeSpan.Zero, s_limit));
        Assert.All([curves, trained, compared], took => Assert.InRange(took, TimeSpan.Zero, s_curvesLimit));

        // The first visit is what compiles the page.
        async Task<TimeSpan> VisitAsync(string what, string path, Func<Task> shown)
        {
            var computed = TimeSpan.Zero;
            foreach (var visit in (string[])["first", "second"])
            {
                computed = await TimeAsync($"{what}, {visit} visit", async () =>
                {
                    await page.GotoAsync(new Uri(app.Address, path).ToString());
                    await shown();
                });
            }
            return computed;
        }
    }

    /// <returns>What the lab computed meanwhile.</returns>
    private async Task<TimeSpan> TimeAsync(string what, Func<Task> work)
    {
        var (watch, before) = (Stopwatch.StartNew(), app.ProcessorTime);
        await work();
        var computed = app.ProcessorTime - before;
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{what}: {watch.ElapsedMilliseconds} ms, in which the lab computed {computed.TotalMilliseconds:0} ms");
        return computed;
    }

    private async Task MakeRunsAsync()
    {
        var start = DateTimeOffset.UtcNow.AddDays(-10);
        for (var number = 0; number < Runs; number++)
        {
            var (run, at) = ($"run-{number:0000}", start.AddMinutes(number));
            List<RunEvent> events = [new RunSubmitted(run, at, $"pipeline-{number % 7}", "p.yaml", "name: p\n",
            [
                .. s_stages.Select(stage => new StageOutline(stage, stage == "tune" && number is (997 or 998) ? "trainer" : "chat",
                    new Dictionary<string, string>())),
            ], [])];
            foreach (var stage in s_stages)
            {
                events.AddRange([new StageQueued(run, at, stage, 1, new string('a', 64)), new StageStarted(run, at, stage, 1, "worker"),
                    new StageFinished(run, at, stage, 1, new Dictionary<string, string>())]);
            }
            events.Add(new RunFinished(run, at.AddMinutes(1), number % 5 == 0 ? RunStatus.Failed : RunStatus.Succeeded));
            events.ForEach(happened =>
                app.Database.StreamAdd(Keys.Run(run), Entries.ToEntry(happened), flags: CommandFlags.FireAndForget));
            app.Database.SortedSetAdd(Keys.Runs, run, at.ToUnixTimeMilliseconds(), flags: CommandFlags.FireAndForget);
        }
        await app.Database.PingAsync();
    }

    private async Task MakeLogAsync(string run)
    {
        for (var line = 0; line < Lines; line++)
        {
            app.Database.StreamAdd(Keys.Progress(run),
                Entries.ToEntry(new ProgressPoint(run, DateTimeOffset.UtcNow, "tune", new StageProgress(Message: $"line {line}"))),
                flags: CommandFlags.FireAndForget);
        }
        await app.Database.PingAsync();
    }

    private async Task MakeTrainingAsync(string run)
    {
        for (var step = 1; step <= Steps; step++)
        {
            StageProgress told = new("step", step, Steps) { Training = new(Loss: 1 + 1.0 / step, Tokens: 512L * step) };
            app.Database.StreamAdd(Keys.Progress(run), Entries.ToEntry(new ProgressPoint(run, DateTimeOffset.UtcNow, "tune", told)),
                flags: CommandFlags.FireAndForget);
        }
        await app.Database.PingAsync();
    }
}
