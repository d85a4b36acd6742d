using System.Collections;
using LoraAspire.Machine;
using Microsoft.Playwright;

namespace LoraAspire.EndToEndTests.Lab;

/// <summary>A Chromium without a window, started with its first page.</summary>
/// <param name="more">Arguments besides those that every one here has.</param>
public sealed class HeadlessBrowser(params string[] more) : IAsyncDisposable
{
    private static readonly string[] s_arguments =
        ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-component-update",
            "--disable-sync"];

    private IPlaywright? playwright;
    private IBrowser? browser;

    /// <summary>A fresh page.</summary>
    public async Task<IPage> OpenAsync(Uri address, int width = 1440, ColorScheme colours = ColorScheme.Light, string locale = "en")
    {
        if (browser is null)
        {
            var program = await Browser.FindOrUnpackAsync(Console.WriteLine);
            playwright = await Playwright.CreateAsync();
            // The first page pays for compiling the lab; a test that promises a time names it.
            Assertions.SetDefaultExpectTimeout(30_000);
            var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
                .ToDictionary(pair => (string)pair.Key, pair => (string)pair.Value!);
            browser = await playwright.Chromium.LaunchAsync(new()
            {
                ExecutablePath = program.Path,
                Args = [.. s_arguments, .. more],
                Env = environment.Concat(program.Variables).GroupBy(pair => pair.Key).Select(pairs => pairs.Last()),
            });
        }
        // Pages stay open to the end of their class, and without a GPU each frame of what moves there is painted by the CPU.
        var page = await browser.NewPageAsync(new()
        {
            ViewportSize = new() { Width = width, Height = 900 },
            ColorScheme = colours,
            Locale = locale,
            ReducedMotion = ReducedMotion.Reduce,
        });
        await page.GotoAsync(address.ToString());
        return page;
    }

    public async ValueTask DisposeAsync()
    {
        if (browser is not null)
        {
            await browser.DisposeAsync();
        }
        playwright?.Dispose();
    }
}
