using LoraAspire.Pipelines.Messages;
using LoraAspire.Runtime.Streams;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace LoraAspire.EndToEndTests.Lab;

/// <summary>A pipeline is written, looked at and submitted on New run.</summary>
[Collection(LabCollection.Name)]
public sealed class NewRunTests(LabApp app)
{
    [Fact]
    public async Task What_is_wrong_stands_at_its_line_while_it_is_written_and_is_not_submitted()
    {
        var before = await app.Database.StreamLengthAsync(Keys.Inbox);
        var page = await OpenAsync();
        await WriteAsync(page, "name: broken\nstages:\n  - id: tune\n    uses: trainre\n");

        await Expect(page.GetByTestId("verdict")).ToContainTextAsync("pipeline.yaml:4:11");
        await Expect(page.GetByTestId("verdict")).ToContainTextAsync("trainer");
        await Expect(page.Locator(".squiggly-error")).ToHaveCountAsync(1);
        await page.GetByRole(AriaRole.Button, new() { Name = "Submit" }).ClickAsync();
        await Expect(page.GetByTestId("verdict")).ToContainTextAsync("One error");
        Assert.Equal(before, await app.Database.StreamLengthAsync(Keys.Inbox));

        // The kind by completion: what is written goes, and the list offers the rest.
        await page.GetByRole(AriaRole.Button, new() { Name = "pipeline.yaml:4:11" }).ClickAsync();
        await Expect(page.Locator(".monaco-editor textarea").First).ToBeFocusedAsync(); // the cursor is moved from the server
        await page.Keyboard.PressAsync("Shift+End");
        await page.Keyboard.TypeAsync("merg");
        await Expect(page.Locator(".suggest-widget .monaco-list-row").First).ToContainTextAsync("merger");

        // What was written is there again after another page.
        await page.GetByRole(AriaRole.Link, new() { Name = "Runs", Exact = true }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Runs" })).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "New run" }).First.ClickAsync();
        await Expect(page.GetByTestId("yaml")).ToContainTextAsync("merg");

        // The tab key leads on there too.
        await page.Locator(".monaco-editor .view-lines").ClickAsync();
        await Expect(page.Locator(".monaco-editor textarea").First).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Tab");
        await Expect(page.Locator(".monaco-editor textarea").First).Not.ToBeFocusedAsync();
    }

    [Fact]
    public async Task A_form_and_a_file_change_the_text_what_would_run_is_told_and_then_it_is_submitted()
    {
        var name = $"upload-{Guid.NewGuid():N}.json";
        var page = await OpenAsync();
        await WriteAsync(page, "name: formed\nstages:\n  - id: data\n    uses: data-build\n"
            + "    inputs: { base: \"model:pebble\" }\n    with: { sources: [{ alpaca: { path: not-here.json } }] }\n"
            + "  - id: tune\n    uses: trainer\n"
            + "    inputs: { dataset: data.dataset, base: \"model:pebble\" }\n");
        await Expect(page.GetByTestId("verdict")).ToContainTextAsync("One error");
        await Expect(page.GetByTestId("verdict")).ToContainTextAsync("No file 'not-here.json'");
        FilePayload file = new() { Name = name, MimeType = "application/json", Buffer = "[]"u8.ToArray() };
        await page.GetByTestId("upload").SetInputFilesAsync(file);
        await page.GetByRole(AriaRole.Button, new() { Name = "Use it in the pipeline" }).ClickAsync();
        await Expect(page.GetByLabel("Data file")).ToHaveValueAsync($"data/{name}");
        await Expect(page.GetByTestId("expected-data")).ToContainTextAsync("Runs");
        await Expect(page.GetByTestId("expected-tune")).ToContainTextAsync("on a GPU");
        await Expect(page.GetByTestId("outlook")).ToContainTextAsync("0 of 2 from the cache");

        await page.GetByLabel("Rank").FillAsync("32");
        await page.GetByLabel("Rank").PressAsync("Enter");
        await Expect(page.GetByTestId("yaml")).ToContainTextAsync("lora_r: 32");
        // What is cleared leaves the text, and the field shows what holds without it; a file has to be there.
        await page.GetByLabel("Alpha").FillAsync("64");
        await page.GetByLabel("Alpha").PressAsync("Enter");
        await Expect(page.GetByTestId("yaml")).ToContainTextAsync("lora_alpha: 64");
        await page.GetByLabel("Alpha").FillAsync("");
        await page.GetByLabel("Alpha").PressAsync("Enter");
        await Expect(page.GetByLabel("Alpha")).ToHaveValueAsync("16");
        await Expect(page.GetByTestId("yaml")).Not.ToContainTextAsync("lora_alpha");
        await page.GetByLabel("Alpha").FillAsync("");
        await page.GetByLabel("Alpha").PressAsync("Enter");
        await Expect(page.GetByLabel("Alpha")).ToHaveValueAsync("16");
        await page.GetByLabel("Data file").FillAsync("");
        await page.GetByLabel("Data file").PressAsync("Enter");
        await Expect(page.Locator(".mud-snackbar")).ToContainTextAsync("Data file can't be left out");
        await Expect(page.GetByLabel("Data file")).ToHaveValueAsync($"data/{name}");
        await page.GetByTestId("upload").SetInputFilesAsync(file);
        await Expect(page.GetByTestId("uploaded")).ToContainTextAsync("is there already");
        await page.GetByRole(AriaRole.Button, new() { Name = "Submit" }).ClickAsync();

        await Expect(page).ToHaveURLAsync(new System.Text.RegularExpressions.Regex("/runs/"));
        var submitted = (await app.InboxAsync()).OfType<SubmitRun>().Last();
        Assert.Contains("lora_r: 32", submitted.Yaml);
        Assert.Contains($"data/{name}", submitted.Yaml);
    }

    [Fact]
    public async Task An_example_that_can_not_be_read_any_more_is_told_and_what_was_written_stays()
    {
        var folder = Directory.CreateDirectory(Path.Combine(app.Data, "pipelines")).FullName;
        try
        {
            var example = Path.Combine(folder, "soon-gone.yaml");
            await File.WriteAllTextAsync(example, "name: one\n", TestContext.Current.CancellationToken);
            var page = await OpenAsync();
            await WriteAsync(page, "name: mine\n");
            await Expect(page.GetByTestId("verdict")).ToContainTextAsync("error");
            File.Delete(example);
            await page.Locator(".pick .mud-select-input").First.ClickAsync();
            await page.Locator(".mud-popover-open").GetByText("soon-gone.yaml").ClickAsync();

            await Expect(page.Locator(".mud-snackbar")).ToContainTextAsync("soon-gone.yaml can't be read");
            await Expect(page.GetByTestId("yaml")).ToContainTextAsync("mine");
            await page.Context.CloseAsync();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Whole, as an example comes: what is typed is indented by the editor.</summary>
    private static Task WriteAsync(IPage page, string text) =>
        page.EvaluateAsync("text => window.monaco.editor.getModels()[0].setValue(text)", text);

    private async Task<IPage> OpenAsync()
    {
        var page = await app.OpenAsync("/submit");
        await page.Locator(".monaco-editor .view-lines").ClickAsync();
        return page;
    }
}
