using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace LoraAspire.EndToEndTests.Lab;

/// <summary>Pictures of every page for people to look at, as a job of a continuous integration may keep them.</summary>
[Collection(LabCollection.Name)]
public sealed class ScreenshotTests(LabApp app)
{
    private const string Variable = "LORA_SCREENSHOTS";

    private static readonly int[] s_widths = [1440, 800, 400];

    [Fact]
    public async Task Every_page_is_kept_as_a_picture_in_three_widths_two_themes_and_two_languages_and_none_is_wider_than_its_window()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } folder)
        {
            Assert.Skip($"{Variable} names no folder for them");
            return;
        }
        List<string> wide = [];
        foreach (var one in await LabPage.AllAsync(app))
        {
            foreach (var (colours, locale) in new[] { ColorScheme.Light, ColorScheme.Dark }.SelectMany(colours =>
                new[] { "en", "zh" }.Select(locale => (colours, locale))))
            {
                var page = await app.OpenAsync(one.Path, s_widths[0], colours, locale);
                await Expect(page.Locator(one.Shown).First).ToBeVisibleAsync();
                foreach (var width in s_widths)
                {
                    await page.SetViewportSizeAsync(width, 900);
                    var name = $"{one.Name}-{width}-{colours}-{locale}".ToLowerInvariant();
                    var fits = await FitsAsync(page);
                    wide.AddRange(fits ? [] : [name]);
                    await page.ScreenshotAsync(new()
                    {
                        Path = Path.Combine(folder, name + ".png"),
                        FullPage = true,
                        Animations = ScreenshotAnimations.Disabled,
                    });
                }
                await page.CloseAsync();
            }
        }
        Assert.Equal("", string.Join('\n', wide));
    }

    /// <summary>Curves are drawn anew a moment after their width has changed.</summary>
    private static async Task<bool> FitsAsync(IPage page)
    {
        try
        {
            await page.WaitForFunctionAsync("""
                () => [document.documentElement, ...document.querySelectorAll(".main-svg")]
                  .every(part => part.scrollWidth <= window.innerWidth && part.getBoundingClientRect().width <= window.innerWidth)
                """, null, new() { Timeout = 5_000 });
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}
