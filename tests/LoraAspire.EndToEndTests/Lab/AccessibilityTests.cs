using Deque.AxeCore.Playwright;
using LoraAspire.EndToEndTests.Data;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace LoraAspire.EndToEndTests.Lab;

/// <summary>
/// What someone needs who goes by keyboard or hears the page. Each page that is looked at is kept as a picture in the folder that
/// LORA_SCREENSHOTS names.
/// </summary>
[Collection(LabCollection.Name)]
public sealed class AccessibilityTests(LabApp app)
{
    /// <summary>More than any page has to go through.</summary>
    private const int MostStops = 60;

    /// <summary>Dark, and for axe narrow, where more goes wrong; the result, which has the most to lay out, light and at 800 too.</summary>
    [Fact]
    public async Task Every_page_shows_where_the_keyboard_is_and_axe_finds_nothing_above_minor()
    {
        List<string> found = [];
        var pages = await PagesAsync();
        foreach (var (path, shown) in pages)
        {
            var page = await ReadyAsync(path, shown, 1440, ColorScheme.Dark);
            await RequireFocusIsSeenAsync(page, path);
            await page.SetViewportSizeAsync(400, 900);
            found.AddRange(await FindingsAsync(page, path));
        }
        found.AddRange(await FindingsAsync(await ReadyAsync(pages[0].Path, pages[0].Shown, 800, ColorScheme.Light), pages[0].Path));
        Assert.Equal("", string.Join('\n', found));
    }

    private static async Task RequireFocusIsSeenAsync(IPage page, string path)
    {
        var (first, isRound) = ("", false);
        for (var stop = 0; stop < MostStops && !isRound; stop++)
        {
            await page.Keyboard.PressAsync("Tab");
            var (what, style, width) = await FocusedAsync(page);
            isRound = what == "BODY" || what == first; // or in the browser's own bar
            if (isRound)
            {
                continue;
            }
            if (what.StartsWith("H1 ", StringComparison.Ordinal))
            {
                continue; // where a new page begins, set by the router: no stop of the tab key
            }
            first = first.Length == 0 ? what : first;
            Assert.True(style != "none" && width >= 2, $"{path}: {what} has the outline {style} {width}px.");
        }
        Assert.NotEqual("", first);
        Assert.True(isRound, $"{path}: {MostStops} stops of the tab key don't lead round, so not all of the page was looked at.");
    }

    /// <summary>Each page with an element that is there when the page is.</summary>
    private async Task<List<(string Path, string Shown)>> PagesAsync()
    {
        var run = await new FinishedRun(app).MadeAsync("looked-at");
        var other = await new FinishedRun(app).MadeAsync("looked-at-beside");
        var failed = await app.SubmittedAsync("failed", new StageOutline("data", "data-build", new Dictionary<string, string>()));
        await app.HappenedAsync(new StageFailed(failed, DateTimeOffset.UtcNow, "data", 1, FailureCause.Permanent, "no rows"));
        await app.HappenedAsync(new RunFinished(failed, DateTimeOffset.UtcNow, RunStatus.Failed, "data failed"));
        var data = app.Store.Publish(await BuiltDataset.MakeAsync(TestContext.Current.CancellationToken), ArtifactKind.Dataset,
            "data-build@1");
        return
        [
            ($"/runs/{run}", "[data-testid=made]"), ($"/runs/{run}?tab=progress&stage=tune", "[data-testid=loss-curve]"),
            ($"/runs/{run}?tab=log", "[data-testid=console]"), ($"/runs/{run}?tab=artifacts", ".files"),
            ($"/runs/{run}?tab=pipeline", "main pre"), ($"/runs/{failed}", "[data-testid=failure]"),
            ($"/data/{data}", "[data-testid=row-text]"), ("/?q=looked-at", "[data-testid=runs]"),
            ($"/compare?runs={run},{other}", "[data-testid=compared-scores]"), ("/compare", ".empty"), ("/gpus", "h1"),
            ("/chat", "[data-testid=model]"),
            ("/submit", ".monaco-editor .view-lines"), ("/not-a-page", ".empty"),
        ];
    }

    private async Task<IPage> ReadyAsync(string path, string shown, int width, ColorScheme colours)
    {
        var page = await app.OpenAsync(path, width, colours);
        await Expect(page.Locator(shown).First).ToBeVisibleAsync();
        if (Environment.GetEnvironmentVariable("LORA_SCREENSHOTS") is { Length: > 0 } folder)
        {
            var name = new string([.. path.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-')]).Trim('-');
            await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}-{width}-{colours}.png"), FullPage = true });
        }
        return page;
    }

    private static async Task<IEnumerable<string>> FindingsAsync(IPage page, string where)
    {
        var result = await page.RunAxe();
        await page.CloseAsync();
        return result.Violations.Where(finding => finding.Impact != "minor").SelectMany(finding => finding.Nodes,
            (finding, node) => $"{where}: {finding.Impact} {finding.Id} {node.Target} {node.Html}");
    }

    private static async Task<(string What, string Style, double Width)> FocusedAsync(IPage page)
    {
        var told = await page.EvaluateAsync<string[]>("""
            () => {
              const focused = document.activeElement, style = getComputedStyle(focused);
              if (focused === document.body) return ["BODY", "", "0"];
              focused.dataset.stop ??= String(Math.random());
              return [`${focused.tagName} ${focused.className} ${focused.dataset.stop}`, style.outlineStyle, style.outlineWidth];
            }
            """);
        return (told[0], told[1], double.Parse(told[2].Replace("px", ""), System.Globalization.CultureInfo.InvariantCulture));
    }
}
