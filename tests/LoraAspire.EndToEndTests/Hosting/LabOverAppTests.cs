using System.Text.RegularExpressions;
using Aspire.Hosting.Testing;
using LoraAspire.EndToEndTests.Lab;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace LoraAspire.EndToEndTests.Hosting;

/// <summary>The lab as its user has it, by the browser alone: behind it the coordinator, the workers and a training that is one.</summary>
[Collection(LoraAppCollection.Name)]
public sealed class LabOverAppTests(LoraApp app)
{
    /// <summary>A training of seconds, on a machine that is busy.</summary>
    private static readonly LocatorAssertionsToHaveTextOptions s_patient = new() { Timeout = 180_000 };

    [Fact]
    public async Task The_quickstart_is_submitted_from_the_page_trains_answers_is_cancelled_the_next_time_and_compared()
    {
        await using HeadlessBrowser browser = new();
        var page = await browser.OpenAsync(new Uri(app.App.GetEndpoint("lab", "http"), "/submit"));
        await Expect(page.Locator(".monaco-editor .view-lines")).ToBeVisibleAsync();
        await page.Locator(".pick .mud-input-control-input-container").ClickAsync();
        await page.GetByText("quickstart.yaml").ClickAsync();
        // Of its own, so that no cache has it, and short.
        var first = await SubmitAsync(page, ("Rank", "12"), ("Epochs", "1"));

        await OnStageAsync(page, "tune");
        var points = await PointsAsync(page, 0);
        Assert.True(await PointsAsync(page, points) > points);
        await Expect(page.Locator(".head").GetByTestId("state")).ToHaveTextAsync("Succeeded", s_patient);
        await page.GetByRole(AriaRole.Tab, new() { Name = "Result" }).ClickAsync();
        await Expect(page.GetByTestId("answers").GetByRole(AriaRole.Row, new() { Name = "Who are you?" })).ToContainTextAsync("Pebble");

        await page.GetByTestId("edit-run").ClickAsync();
        var second = await SubmitAsync(page, ("Rank", "12"), ("Epochs", "500"));
        await Expect(page.GetByTestId("stage-data")).ToContainTextAsync("cached", new() { IgnoreCase = true });
        await OnStageAsync(page, "tune");
        await PointsAsync(page, 0);
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel run" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel the run" }).ClickAsync();
        await Expect(page.Locator(".head").GetByTestId("state")).ToHaveTextAsync("Cancelled", s_patient);
        await Expect(page.GetByTestId("last-message")).ToContainTextAsync(new Regex(@"step \d+|\d+ steps"));

        await page.GetByRole(AriaRole.Link, new() { Name = "Runs", Exact = true }).ClickAsync();
        foreach (var run in (string[])[first, second])
        {
            await LabApp.Row(page, run).GetByRole(AriaRole.Checkbox).ClickAsync();
        }
        await page.GetByTestId("compare").ClickAsync();
        await Expect(page.GetByTestId("compared-loss").Locator("path")).ToHaveCountAsync(2);
        await Expect(page.GetByText("num_epochs")).ToBeVisibleAsync();
    }

    /// <returns>The run's id.</returns>
    private static async Task<string> SubmitAsync(IPage page, params (string Label, string Value)[] values)
    {
        foreach (var (label, value) in values)
        {
            await page.GetByLabel(label, new() { Exact = true }).FillAsync(value);
            await page.GetByLabel(label, new() { Exact = true }).PressAsync("Enter");
        }
        await Expect(page.GetByTestId("yaml")).ToContainTextAsync($"num_epochs: {values[^1].Value}");
        await page.GetByRole(AriaRole.Button, new() { Name = "Submit" }).ClickAsync();
        await Expect(page).ToHaveURLAsync(new Regex("/runs/"));
        return Regex.Match(page.Url, @"/runs/([^?]+)").Groups[1].Value;
    }

    private static async Task OnStageAsync(IPage page, string stage)
    {
        await page.GetByTestId($"stage-{stage}").ClickAsync();
        await Expect(page.GetByTestId($"stage-{stage}")).ToHaveAttributeAsync("aria-selected", "true");
    }

    /// <summary>The points on the curve of the loss, as soon as there are more than <paramref name="more"/>.</summary>
    private static async Task<int> PointsAsync(IPage page, int more) => await (await page.WaitForFunctionAsync("""
        more => {
          const points = document.querySelector(".js-plotly-plot")?.data?.[0]?.x.length ?? 0;
          return points > more ? points : 0;
        }
        """, more, new() { Timeout = 180_000 })).EvaluateAsync<int>("points => points");
}
