using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace LoraAspire.EndToEndTests.Lab;

/// <summary>
/// What someone needs who goes by keyboard or hears the page.
/// </summary>
[Collection(LabCollection.Name)]
public sealed class AccessibilityTests(LabApp app)
{
    /// <summary>More than any page has to go through.</summary>
    private const int MostStops = 60;

    /// <summary>At either end of a dialog: empty, and the server takes the focus on from it, so that it is seen or not.</summary>
    private const string LeadsOn = "DIV fixed pointer-events-none";

    private static readonly int[] s_widths = [1440, 800, 400];

    [Fact]
    public async Task Every_page_shows_where_the_keyboard_is_and_axe_finds_nothing_above_minor()
    {
        List<string> found = [];
        foreach (var (_, path, shown) in await LabPage.AllAsync(app))
        {
            var page = await ReadyAsync(path, shown, ColorScheme.Dark);
            await RequireFocusIsSeenAsync(page, path);
            found.AddRange(await FindingsAsync(page, path, ColorScheme.Dark, [s_widths[^1]]));
            found.AddRange(await FindingsAsync(await ReadyAsync(path, shown, ColorScheme.Light), path, ColorScheme.Light, [s_widths[0]]));
        }
        Assert.Equal("", string.Join('\n', found));
    }

    [Trait("Category", "Long")]
    [Theory]
    [InlineData(ColorScheme.Dark)]
    [InlineData(ColorScheme.Light)]
    public async Task Nor_does_it_at_any_width(ColorScheme colours)
    {
        List<string> found = [];
        foreach (var (_, path, shown) in await LabPage.AllAsync(app))
        {
            found.AddRange(await FindingsAsync(await ReadyAsync(path, shown, colours), path, colours, s_widths));
        }
        Assert.Equal("", string.Join('\n', found));
    }

    [Fact]
    public async Task So_does_every_dialog()
    {
        var (over, running) = (await new FinishedRun(app).MadeAsync("asked-about"), await app.SubmittedAsync("asked-while", []));
        List<string> found = [];
        await AskedAsync($"/?q={over}", page => LabApp.Row(page, over).GetByTestId("note").ClickAsync());
        await AskedAsync($"/?q={over}", async page =>
        {
            await LabApp.Row(page, over).GetByRole(AriaRole.Checkbox).ClickAsync();
            await page.GetByTestId("delete").ClickAsync();
        });
        await AskedAsync($"/runs/{running}", page => page.GetByRole(AriaRole.Button, new() { Name = "Cancel run" }).ClickAsync());
        Assert.Equal("", string.Join('\n', found));

        async Task AskedAsync(string path, Func<IPage, Task> ask)
        {
            foreach (var colours in (ColorScheme[])[ColorScheme.Dark, ColorScheme.Light])
            {
                var page = await app.OpenAsync(path, 400, colours);
                await ask(page);
                await Expect(page.GetByRole(AriaRole.Dialog).Locator(":focus")).ToHaveCountAsync(1);
                await RequireFocusIsSeenAsync(page, path);
                found.AddRange(await FindingsAsync(page, path, colours, [s_widths[^1]]));
            }
        }
    }

    private static async Task RequireFocusIsSeenAsync(IPage page, string path)
    {
        List<(string Mark, string What)> stops = [];
        var isRound = false;
        for (var stop = 0; stop < MostStops && !isRound; stop++)
        {
            await page.Keyboard.PressAsync("Tab");
            var (what, mark, style, width) = await FocusedAsync(page);
            // Or in the browser's own bar. What an element is called may change meanwhile, its mark doesn't.
            isRound = what == "BODY" || (stops is [var first, ..] && mark == first.Mark);
            if (isRound)
            {
                continue;
            }
            if (what == LeadsOn || what.StartsWith("H1 ", StringComparison.Ordinal))
            {
                continue; // where a new page begins, set by the router: no stop of the tab key
            }
            stops.Add((mark, what));
            Assert.True(style != "none" && width >= 2, $"{path}: {what} has the outline {style} {width}px.");
        }
        Assert.NotEmpty(stops);
        Assert.True(isRound, $"{path}: {MostStops} stops of the tab key don't lead round, so not all of the page was looked at:\n"
            + string.Join('\n', stops.Select(stop => $"{stop.Mark} {stop.What}")));
    }

    private async Task<IPage> ReadyAsync(string path, string shown, ColorScheme colours)
    {
        var page = await app.OpenAsync(path, s_widths[0], colours);
        await Expect(page.Locator(shown).First).ToBeVisibleAsync();
        return page;
    }

    /// <summary>And closes the page.</summary>
    private static async Task<List<string>> FindingsAsync(IPage page, string where, ColorScheme colours, int[] widths)
    {
        List<string> found = [];
        foreach (var width in widths)
        {
            await page.SetViewportSizeAsync(width, 900);
            found.AddRange((await page.RunAxe()).Violations.Where(finding => finding.Impact != "minor").SelectMany(finding => finding.Nodes,
                (finding, node) => $"{where} {colours} {width}: {finding.Impact} {finding.Id} {node.Target} {node.Html}"));
        }
        await page.Context.CloseAsync();
        return found;
    }

    private static async Task<(string What, string Mark, string Style, double Width)> FocusedAsync(IPage page)
    {
        var told = await page.EvaluateAsync<string[]>("""
            () => {
              const focused = document.activeElement, style = getComputedStyle(focused);
              if (focused === document.body) return ["BODY", "", "", "0"];
              focused.dataset.stop ??= String(Math.random());
              return [`${focused.tagName} ${focused.className}`, focused.dataset.stop, style.outlineStyle, style.outlineWidth];
            }
            """);
        return (told[0], told[1], told[2], double.Parse(told[3].Replace("px", ""), System.Globalization.CultureInfo.InvariantCulture));
    }
}
