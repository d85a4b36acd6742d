using System.Text.RegularExpressions;
using LoraAspire.EndToEndTests.Chat;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace LoraAspire.EndToEndTests.Lab;

/// <summary>
/// What is done most, without a mouse. That every stop of the tab key is seen, <see cref="AccessibilityTests"/> hold.
/// </summary>
[Collection(LabCollection.Name)]
public sealed class KeyboardTests(LabApp app)
{
    /// <summary>More than any of these ways has.</summary>
    private const int MostStops = 60;

    private static readonly StageOutline[] s_stages =
    [
        new("data", "data-build", new Dictionary<string, string> { ["base"] = "model:tiny" }),
        new("tune", "trainer", new Dictionary<string, string> { ["dataset"] = "data.dataset" }),
    ];

    [Fact]
    public async Task A_pipeline_is_written_and_submitted()
    {
        await File.WriteAllTextAsync(Path.Combine(app.Data, "k.json"), "[]", TestContext.Current.CancellationToken);
        var page = await app.OpenAsync("/");
        // The one beside the heading, where the keyboard is on a new page: between it and that of the navigation may be many runs.
        await ReachAsync(page, page.GetByRole(AriaRole.Link, new() { Name = "New run" }).Last);
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator(".monaco-editor .view-lines")).ToBeVisibleAsync();

        await ReachAsync(page, page.Locator(".monaco-editor textarea").First);
        await page.Keyboard.PressAsync("Control+A");
        await page.Keyboard.InsertTextAsync("""
            {name: keyed, stages: [{id: data, uses: data-build, inputs: {base: "model:pebble"}, with: {sources: [{alpaca: {path: k.json}}]}},
            {id: tune, uses: trainer, inputs: {dataset: data.dataset, base: "model:pebble"}, with: {lora_r: 4}}]}
            """);
        await Expect(page.GetByTestId("yaml")).ToContainTextAsync("keyed");
        await page.Keyboard.PressAsync("Escape"); // what is offered to complete it
        await ReachAsync(page, page.GetByLabel("Rank"));
        await page.Keyboard.PressAsync("Control+A");
        await page.Keyboard.TypeAsync("32");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByTestId("yaml")).ToContainTextAsync("lora_r: 32");
        await ReachAsync(page, page.GetByRole(AriaRole.Button, new() { Name = "Submit" }));
        await Expect(page.GetByTestId("expected-data")).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("Enter");

        await Expect(page).ToHaveURLAsync(new Regex("/runs/"));
        Assert.Contains(await app.InboxAsync(),
            message => message is SubmitRun run && run.Yaml.Contains("k.json", StringComparison.Ordinal)
                && run.Yaml.Contains("lora_r: 32", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_run_is_looked_through_and_cancelled()
    {
        var run = await app.SubmittedAsync("keyed-through", s_stages);
        await app.HappenedAsync(new StageStarted(run, DateTimeOffset.UtcNow, "data", 1, "data-build-a"));
        await app.ToldAsync(run, "data", new StageProgress(Message: "reading rows"));
        var page = await app.OpenAsync($"/runs/{run}");
        var (data, tune) = (page.GetByTestId("stage-data"), page.GetByTestId("stage-tune"));

        await ReachAsync(page, data);
        await page.Keyboard.PressAsync("ArrowRight");
        await Expect(tune).ToBeFocusedAsync();
        await Expect(tune).ToHaveAttributeAsync("aria-selected", "true");
        await page.Keyboard.PressAsync("Home");
        await Expect(data).ToHaveAttributeAsync("aria-selected", "true");

        await ReachAsync(page, page.GetByRole(AriaRole.Tab, new() { Name = "Progress" }), "Shift+Tab");
        await page.Keyboard.PressAsync("ArrowRight");
        await Expect(page.GetByRole(AriaRole.Tab, new() { Name = "Log" })).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByTestId("console")).ToContainTextAsync("reading rows");

        var cancel = page.GetByRole(AriaRole.Button, new() { Name = "Cancel run" });
        await ReachAsync(page, cancel, "Shift+Tab");
        await page.Keyboard.PressAsync("Enter");
        var dialog = page.GetByRole(AriaRole.Dialog);
        await Expect(dialog).ToBeVisibleAsync();
        await Expect(dialog.Locator(":focus")).ToHaveCountAsync(1);
        await page.Keyboard.PressAsync("Escape");
        await Expect(dialog).ToHaveCountAsync(0);
        await Expect(cancel).ToBeFocusedAsync();
        Assert.DoesNotContain(await app.InboxAsync(), message => message is CancelRun other && other.Run == run);

        await page.Keyboard.PressAsync("Enter");
        await Expect(dialog.Locator(":focus")).ToHaveCountAsync(1);
        await ReachAsync(page, page.GetByRole(AriaRole.Button, new() { Name = "Cancel the run" }));
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByText("keyed-through was asked to stop.")).ToBeVisibleAsync();
        Assert.Contains(await app.InboxAsync(), message => message is CancelRun own && own.Run == run);
    }

    [Fact]
    public async Task Runs_are_searched_noted_chosen_and_compared()
    {
        var (first, second) = (await new FinishedRun(app).MadeAsync("keyed-one"), await new FinishedRun(app).MadeAsync("keyed-two"));
        var page = await app.OpenAsync("/");
        await ReachAsync(page, page.GetByLabel("Search runs"));
        await page.Keyboard.TypeAsync("keyed-");
        await Expect(LabApp.Row(page, first)).ToBeVisibleAsync();

        var note = LabApp.Row(page, first).GetByTestId("note");
        await ReachAsync(page, note);
        await page.Keyboard.PressAsync("Enter");
        var dialog = page.GetByRole(AriaRole.Dialog);
        await Expect(dialog.Locator(":focus")).ToHaveCountAsync(1);
        await ReachAsync(page, dialog.GetByLabel("Tags", new() { Exact = true }));
        await page.Keyboard.TypeAsync("keyed");
        await ReachAsync(page, page.GetByTestId("save-note"));
        await page.Keyboard.PressAsync("Enter");
        await Expect(dialog).ToHaveCountAsync(0);
        await Expect(LabApp.Row(page, first)).ToContainTextAsync("keyed");
        await Expect(note).ToBeFocusedAsync();

        await ReachAsync(page, LabApp.Row(page, first).GetByRole(AriaRole.Checkbox), "Shift+Tab");
        await page.Keyboard.PressAsync("Space");
        await ReachAsync(page, LabApp.Row(page, second).GetByRole(AriaRole.Checkbox), "Shift+Tab");
        await page.Keyboard.PressAsync("Space");
        await ReachAsync(page, page.GetByTestId("compare"), "Shift+Tab");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByTestId("compared-scores")).ToContainTextAsync("perplexity");
    }

    [Fact]
    public async Task A_run_is_deleted_after_one_was_kept()
    {
        var run = await new FinishedRun(app).MadeAsync("keyed-away");
        var page = await app.OpenAsync("/?q=keyed-away");
        var tick = LabApp.Row(page, run).GetByRole(AriaRole.Checkbox);
        await ReachAsync(page, tick);
        await page.Keyboard.PressAsync("Space");
        var delete = page.GetByTestId("delete");
        await ReachAsync(page, delete, "Shift+Tab");
        await page.Keyboard.PressAsync("Enter");
        var dialog = page.GetByRole(AriaRole.Dialog);
        await Expect(dialog.Locator(":focus")).ToHaveCountAsync(1);
        await ReachAsync(page, dialog.GetByRole(AriaRole.Button, new() { Name = "Keep" }));
        await page.Keyboard.PressAsync("Enter");
        await Expect(dialog).ToHaveCountAsync(0);
        await Expect(delete).ToBeFocusedAsync();
        await Expect(LabApp.Row(page, run)).ToBeVisibleAsync();

        await page.Keyboard.PressAsync("Enter");
        await Expect(dialog.Locator(":focus")).ToHaveCountAsync(1);
        await ReachAsync(page, dialog.GetByRole(AriaRole.Button, new() { Name = "Delete" }));
        await page.Keyboard.PressAsync("Enter");
        await Expect(LabApp.Row(page, run)).ToHaveCountAsync(0);
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task A_conversation_is_held_asked_again_and_edited()
    {
        using EndlessModel other = new(app.Chat.Store);
        var page = await app.OpenAsync($"/chat?model={EndlessModel.Name}");
        var (message, model) = (page.GetByTestId("message"), page.GetByTestId("model"));
        await Expect(message).ToBeEnabledAsync();
        await Expect(model.GetByRole(AriaRole.Option)).ToHaveTextAsync([EndlessModel.Name, ChatProcess.Model]);
        await ReachAsync(page, model);
        await page.Keyboard.PressAsync("ArrowDown");
        await Expect(page.GetByTestId("model")).ToHaveValueAsync(ChatProcess.Model);
        await ReachAsync(page, message);
        await page.Keyboard.TypeAsync("Who are you?");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByTestId("facts")).ToHaveCountAsync(1);
        await Expect(message).ToBeFocusedAsync();

        await ReachAsync(page, page.GetByTestId("regenerate"), "Shift+Tab");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByTestId("pager")).ToContainTextAsync("2 / 2");
        await ReachAsync(page, page.GetByTestId("edit").First, "Shift+Tab");
        await page.Keyboard.PressAsync("Enter");
        var edited = page.GetByTestId("edited");
        await Expect(edited).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Control+A");
        await page.Keyboard.TypeAsync("What is your name?");
        await ReachAsync(page, page.GetByTestId("send-edited"));
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByTestId("question")).ToHaveTextAsync("What is your name?");
        await Expect(page.GetByTestId("facts")).ToHaveCountAsync(1);

        await ReachAsync(page, page.GetByRole(AriaRole.Link, new() { Name = "Runs", Exact = true }), "Shift+Tab");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Runs" })).ToBeVisibleAsync();
        await page.Context.CloseAsync();
    }

    /// <summary>By the tab key alone, from where the keyboard is.</summary>
    private static async Task ReachAsync(IPage page, ILocator goal, string key = "Tab")
    {
        await Expect(goal).ToBeVisibleAsync();
        for (var stop = 0; stop < MostStops; stop++)
        {
            if (await goal.EvaluateAsync<bool>("goal => goal === document.activeElement"))
            {
                return;
            }
            await page.Keyboard.PressAsync(key);
        }
        var focused = await page.EvaluateAsync<string>("() => document.activeElement.outerHTML.slice(0, 200)");
        Assert.Fail($"{MostStops} times {key} don't lead to {goal}; the last stop is {focused}");
    }
}
