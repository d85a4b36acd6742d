using LoraAspire.EndToEndTests.Data;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace LoraAspire.EndToEndTests.Lab;

[Collection(LabCollection.Name)]
public sealed class DataPageTests(LabApp app)
{
    private static readonly StageOutline Data = new("data", "data-build", new Dictionary<string, string>());

    [Fact]
    public async Task From_its_run_a_reader_comes_to_a_row_with_its_prompt_and_the_tokens_that_carry_loss()
    {
        var page = await app.OpenAsync($"/runs/{await MadeAsync()}");
        await page.GetByRole(AriaRole.Tab, new() { Name = "Artifacts" }).ClickAsync();
        await page.GetByTestId("see-data").ClickAsync();
        await Expect(page.GetByTestId("data-figures")).ToContainTextAsync("Rows3");
        await Expect(page.GetByTestId("row-text")).ToContainTextAsync("Who are you?");
        await Expect(page.GetByTestId("row-text").Locator(".loss")).ToHaveTextAsync("I am Pebble.</s>");

        await page.GetByTestId("show-tokens").ClickAsync();
        await Expect(page.GetByTestId("tokens").Locator(".token").First)
            .ToHaveAttributeAsync("title", "position 0 · id 1 · piece <s> · no loss");
        var last = page.GetByTestId("tokens").Locator(".token.loss").Last;
        await Expect(last).ToHaveTextAsync("</s>");
        await Expect(last).ToHaveAttributeAsync("title", new System.Text.RegularExpressions.Regex("id 2 .* carries loss$"));
        await last.ClickAsync();
        await Expect(page.GetByTestId("told")).ToContainTextAsync("piece </s> · carries loss");
        await Expect(page.GetByTestId("data-figures")).ToContainTextAsync("Learnedanswers only");
        await Expect(page.GetByTestId("lineage")).ToContainTextAsync("data records.json");
        await Expect(page.GetByTestId("row-number").GetByRole(AriaRole.Link))
            .ToHaveAttributeAsync("href", new System.Text.RegularExpressions.Regex("^/runs/.+/data/data\\?row=0$"));
    }

    [Fact]
    public async Task Text_of_the_data_is_text_and_a_search_walks_over_the_rows_that_match()
    {
        var page = await app.OpenAsync($"/runs/{await MadeAsync()}/data/data?row=1");
        await Expect(page.GetByTestId("row-text").Locator(".loss")).ToHaveTextAsync("<script>alert(1)</script> ␛[31mred 😀</s>");
        await Expect(page.GetByTestId("row-text").Locator("b, script")).ToHaveCountAsync(0);

        var find = page.GetByPlaceholder("Search in the rows");
        await find.FillAsync("小石");
        await find.PressAsync("Enter");
        await Expect(page.GetByTestId("row-number")).ToHaveTextAsync("Row 2");
        await Expect(page.GetByTestId("hits")).ToHaveTextAsync("1 of 3 rows match");
        await find.FillAsync("YOU?");
        await find.PressAsync("Enter");
        await Expect(page.GetByTestId("row-number")).ToHaveTextAsync("Row 0");
        await page.GetByRole(AriaRole.Button, new() { Name = "Next row" }).ClickAsync();
        await Expect(page.GetByTestId("note")).ToHaveTextAsync("No later row matches.");
        await find.FillAsync("小石");
        await find.PressAsync("Enter");
        await page.GetByRole(AriaRole.Button, new() { Name = "Random" }).ClickAsync();
        await Expect(page.GetByTestId("row-number")).ToHaveTextAsync("Row 2");
        await find.FillAsync("elephant");
        await find.PressAsync("Enter");
        await Expect(page.GetByTestId("note")).ToHaveTextAsync("No row matches.");
        await Expect(page.GetByTestId("hits")).ToHaveTextAsync("0 of 3 rows match");
        await find.FillAsync("");
        await find.PressAsync("Enter");
        await Expect(page.GetByTestId("hits")).ToHaveTextAsync("3 rows");

        // A length leads to its rows, and a row of the list to itself.
        await page.GetByTestId("length").SelectOptionAsync(new SelectOptionValue { Index = 1 });
        await Expect(page.GetByTestId("hits")).ToContainTextAsync("of 3 rows match");
        await page.GetByTestId("length").SelectOptionAsync("");
        await page.GetByLabel("Go to row").FillAsync("0");
        await page.GetByLabel("Go to row").PressAsync("Enter");
        await page.GetByRole(AriaRole.Button, new() { Name = "Show row 2" }).ClickAsync();
        await Expect(page.GetByTestId("row-number")).ToHaveTextAsync("Row 2");
    }

    [Fact]
    public async Task The_list_turns_by_twenty_both_ways_and_a_bar_is_pressed_by_the_keyboard()
    {
        var longer = string.Concat(Enumerable.Repeat(" and more", 30));
        var records = string.Join(',', Enumerable.Range(0, 50)
            .Select(row => $$"""{"instruction": "Question {{row}}{{(row == 30 ? longer : "")}}?", "output": "Yes."}"""));
        var folder = await BuiltDataset.MakeAsync(TestContext.Current.CancellationToken, $"[{records}]");
        var page = await app.OpenAsync($"/data/{app.Store.Publish(folder, ArtifactKind.Dataset, "data-build@1")}?row=5");
        var rows = page.GetByTestId("row-list").GetByRole(AriaRole.Button, new() { NameRegex = new("^Show row") });
        await Expect(rows).ToHaveCountAsync(20);
        await Expect(rows.First).ToHaveTextAsync("5");
        await page.GetByTestId("rows-after").ClickAsync();
        await Expect(rows.First).ToHaveTextAsync("25");
        await page.GetByTestId("rows-after").ClickAsync();
        await Expect(rows).ToHaveTextAsync(["45", "46", "47", "48", "49"]);
        await Expect(page.GetByTestId("rows-after")).ToBeDisabledAsync();
        await page.GetByTestId("rows-before").ClickAsync();
        await Expect(rows.First).ToHaveTextAsync("25");
        await page.GetByTestId("rows-before").ClickAsync();
        await page.GetByTestId("rows-before").ClickAsync();
        await Expect(rows.First).ToHaveTextAsync("0");
        await Expect(page.GetByTestId("rows-before")).ToBeDisabledAsync();
        await Expect(page.GetByTestId("row-number")).ToHaveTextAsync("Row 5");

        var bar = page.GetByTestId("lengths").GetByRole(AriaRole.Button, new() { NameRegex = new("1 rows: show them$") });
        await bar.FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByTestId("hits")).ToHaveTextAsync("1 of 50 rows match");
        await Expect(page.GetByTestId("row-number")).ToHaveTextAsync("Row 30");
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task A_data_set_that_the_store_has_lost_is_said_to_be_gone()
    {
        var run = await FinishedAsync(new string('a', 64));
        var page = await app.OpenAsync($"/runs/{run}/data/data");
        await Expect(page.GetByTestId("data-trouble")).ToContainTextAsync("The store no longer holds this data set.");
        await page.GotoAsync(new Uri(app.Address, "/data/..%2F..%2Fetc").ToString());
        await Expect(page.GetByTestId("data-trouble")).ToContainTextAsync("The store no longer holds this data set.");
    }

    private async Task<string> MadeAsync() => await FinishedAsync(
        app.Store.Publish(await BuiltDataset.MakeAsync(TestContext.Current.CancellationToken), ArtifactKind.Dataset, "data-build@1"));

    private async Task<string> FinishedAsync(string digest)
    {
        var run = await app.SubmittedAsync("with-data", Data);
        await app.HappenedAsync(
            new StageFinished(run, DateTimeOffset.UtcNow, "data", 1, new Dictionary<string, string> { ["dataset"] = digest }));
        return run;
    }
}
