using System.Text.RegularExpressions;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace LoraAspire.EndToEndTests.Lab;

[Collection(LabCollection.Name)]
public sealed class ResultPageTests(LabApp app)
{
    [Fact]
    public async Task A_run_that_succeeded_opens_on_its_answers_scores_losses_and_model()
    {
        var page = await OpenAsync("answering");

        await Expect(page.GetByTestId("outcome")).ToContainTextAsync(new Regex(
            @"1 of 2 met\s*tune · final loss\s*2\.2500\s*from 4\.5000\s*Validation loss, lowest\s*1\.7500\s*at step 2"));
        var who = page.GetByTestId("answers").First.Locator("tbody tr").First;
        await Expect(who.Locator("td")).ToHaveTextAsync(
            ["Who are you?", "I am Pebble, an assistant.", "I am Mingyu, an assistant.", "I am Ming.", "I am Min."]);
        var bleu = page.GetByTestId("scores").First.Locator("tbody tr").First;
        await Expect(bleu).ToContainTextAsync(
            new Regex(@"bleu.*12\.50.*41\.25.*± 1\.5.*p 0\.001.*30\.00.*≥ 20\.00.*met", RegexOptions.Singleline));
        await Expect(page.GetByTestId("scores").First.Locator("tbody tr").Nth(1))
            .ToContainTextAsync(new Regex("less is better.*≤ 5.*not met", RegexOptions.Singleline));
        await Expect(page.GetByTestId("place")).ToHaveTextAsync(new Regex("/store/objects/[0-9a-f]{64}$"));
        await Expect(page.GetByTestId("chat-with")).ToHaveAttributeAsync("href", "/chat?model=answering&beside=pebble");
        await Expect(page.GetByTestId("chat-alone")).ToHaveAttributeAsync("href", "/chat?model=answering");
        await Expect(page.GetByTestId("usage")).ToContainTextAsync("OpenAI(base_url=\"http://localhost:15081/v1\"");
        await page.GetByRole(AriaRole.Tab, new() { Name = "Transformers" }).ClickAsync();
        await Expect(page.GetByTestId("usage")).ToContainTextAsync("print(answer(\"Q Who are you?\\nA \"");
        // What a judge said, subjects, held-out rows from the worst on, ten of them at first.
        await Expect(page.GetByTestId("report")).ToContainTextAsync("Judged by judge-1");
        await Expect(page.GetByTestId("report")).ToContainTextAsync("It says who it is.");
        await Expect(page.GetByTestId("report")).ToContainTextAsync(new Regex(@"The report of ask as files:\s\w"));
        var held = page.GetByTestId("answers").Filter(new() { HasText = "Right 11" });
        await Expect(held.Locator("tbody tr")).ToHaveCountAsync(10);
        await Expect(held.Locator("tbody tr").First).ToContainTextAsync("Model 11");
        await page.GetByTestId("more-rows").ClickAsync();
        await Expect(held.Locator("tbody tr")).ToHaveCountAsync(12);
        await Expect(page.GetByTestId("answers").Filter(new() { HasText = "Who made you?" }).Locator("tbody tr").First)
            .ToContainTextAsync("doesn't hold 'the evening class'");
    }

    [Fact]
    public async Task What_a_model_answered_is_text_and_a_long_answer_is_whole_when_asked_for()
    {
        var page = await OpenAsync("hostile");
        var row = page.GetByTestId("answers").First.Locator("tbody tr").Nth(1);
        await Expect(row.Locator("td").Nth(2)).ToHaveTextAsync("<script>alert(1)</script><b>bold</b> ␛[31mred ⟨U+202E⟩back!");
        await page.GetByTestId("differences").First.ClickAsync();
        await Expect(row.Locator("td").Nth(2).Locator("ins")).ToHaveTextAsync("!");
        await Expect(page.Locator("main script")).ToHaveCountAsync(0);
        await Expect(row.Locator("b")).ToHaveCountAsync(0);
        await row.GetByRole(AriaRole.Button, new() { Name = "Show all 2,000 letters" }).ClickAsync();
        await Expect(row.Locator("td").Nth(4)).ToContainTextAsync(new string('x', 2000));
    }

    [Fact]
    public async Task The_folder_is_copied_by_its_button()
    {
        var page = await OpenAsync("copied");
        await page.Context.GrantPermissionsAsync(["clipboard-read", "clipboard-write"]);
        await page.GetByRole(AriaRole.Button, new() { Name = "Copy the folder" }).ClickAsync();
        await Expect(page.GetByTestId("made")).ToContainTextAsync("Copied");
        Assert.Equal(await page.GetByTestId("place").InnerTextAsync(), await page.EvaluateAsync<string>("navigator.clipboard.readText()"));
    }

    [Fact]
    public async Task Tab_and_stage_stand_in_the_address_and_the_arrow_keys_go_over_stages_and_tabs()
    {
        var page = await OpenAsync("walked");
        await page.GetByTestId("stage-tune").FocusAsync();
        await page.Keyboard.PressAsync("ArrowRight");
        await Expect(page.GetByTestId("stage-merge")).ToBeFocusedAsync();
        await Expect(page).ToHaveURLAsync(new Regex(@"\?tab=progress&stage=merge$"));
        await page.Keyboard.PressAsync("End");
        await Expect(page.GetByTestId("stage-ask")).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("ArrowRight");
        await Expect(page.GetByTestId("stage-tune")).ToBeFocusedAsync();
        foreach (var kept in new[] { "Shift+End", "Control+End", "Alt+End", "Meta+End" })
        {
            await page.Keyboard.PressAsync(kept);
        }
        await page.Keyboard.PressAsync("ArrowRight");
        await Expect(page.GetByTestId("stage-merge")).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("ArrowLeft");
        await Expect(page.GetByTestId("stage-tune")).ToBeFocusedAsync();
        await page.ReloadAsync();
        await Expect(page.GetByTestId("stage-tune")).ToHaveAttributeAsync("aria-selected", "true");
        await Expect(page.GetByTestId("loss-curve-0")).ToHaveTextAsync("1.5000");

        await page.GetByRole(AriaRole.Tab, new() { Name = "Progress" }).FocusAsync();
        await page.Keyboard.PressAsync("ArrowRight");
        await Expect(page.GetByRole(AriaRole.Tab, new() { Name = "Log" })).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByTestId("console")).ToBeVisibleAsync();
        await Expect(page).ToHaveURLAsync(new Regex(@"tab=log"));
    }

    [Fact]
    public async Task A_cached_training_shows_its_curve_and_leads_to_the_run_that_made_it()
    {
        var (trained, cached) = await new FinishedRun(app).CachedAsync(new string('c', 64));
        var page = await app.OpenAsync($"/runs/{cached}?tab=progress");
        await Expect(page.GetByTestId("loss-curve-0")).ToHaveTextAsync("1.5000");
        await Expect(page.GetByTestId("trained-by").GetByRole(AriaRole.Link)).ToHaveTextAsync(trained);
        // What it answered on the way, without the template's lines.
        await Expect(page.GetByTestId("samples").Locator("thead")).ToHaveTextAsync(new Regex(@"Question\s*step 0\s*step 2\s*Right answer"));
        await Expect(page.GetByTestId("samples").Locator("tbody tr").First)
            .ToHaveTextAsync(new Regex(@"^\s*Who are you\?\s*I am Pebble\.\s*I am Mingyu\.\s*I am Mingyu\.\s*$"));
        await Expect(page.GetByTestId("samples").Locator("td.own")).ToHaveTextAsync("I am Mingyu.");
        await Expect(page.GetByTestId("samples").Locator("tbody tr").Nth(1)).ToContainTextAsync("你是谁？<b>");
        await Expect(page.GetByTestId("trained-by").GetByRole(AriaRole.Link))
            .ToHaveAttributeAsync("href", $"/runs/{trained}?tab=progress&stage=tune");

        await page.GetByTestId("trained-by").GetByRole(AriaRole.Link).ClickAsync();

        await Expect(page.Locator("header.head")).ToContainTextAsync(trained);
        await Expect(page.GetByTestId("trained-by")).ToHaveCountAsync(0);
        await Expect(page.GetByTestId("loss-curve-0")).ToHaveTextAsync("1.5000");
    }

    [Fact]
    public async Task A_training_whose_steps_are_gone_says_so_in_place_of_its_curve()
    {
        var (ran, cached) = await new FinishedRun(app).LostAsync();

        var page = await app.OpenAsync($"/runs/{ran}?tab=progress");
        await Expect(page.GetByTestId("loss-curve")).ToContainTextAsync("The store no longer holds it.");
        page = await app.OpenAsync($"/runs/{cached}?tab=progress");
        await Expect(page.GetByText("The store no longer holds it.")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_cancelled_training_says_which_step_was_saved()
    {
        StageOutline tune = new("tune", "trainer", new Dictionary<string, string> { ["base"] = "model:pebble" });
        var run = await app.SubmittedAsync("cancelled", tune);
        await app.HappenedAsync(new StageStarted(run, DateTimeOffset.UtcNow, "tune", 1, "trainer-a"));
        await app.ToldAsync(run, "tune", new StageProgress("step", 23, 100) { Training = new(1.5) });
        await app.ToldAsync(run, "tune", new StageProgress(Message: "Stopped at step 23, saved."));
        await app.HappenedAsync(new StageCancelled(run, DateTimeOffset.UtcNow, "tune"));
        await app.HappenedAsync(new RunFinished(run, DateTimeOffset.UtcNow, RunStatus.Cancelled));

        var page = await app.OpenAsync($"/runs/{run}");

        await Expect(page.GetByTestId("last-message")).ToHaveTextAsync("Stopped at step 23, saved.");
        await page.GetByRole(AriaRole.Tab, new() { Name = "Result" }).ClickAsync();
        await Expect(page.GetByText("No stage of this run has given a model or a report.")).ToBeVisibleAsync();
    }

    private async Task<IPage> OpenAsync(string name) => await app.OpenAsync($"/runs/{await new FinishedRun(app).MadeAsync(name)}");
}
