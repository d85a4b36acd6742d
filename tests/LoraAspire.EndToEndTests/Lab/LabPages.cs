using LoraAspire.EndToEndTests.Data;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.EndToEndTests.Lab;

/// <summary>A page of the lab, with something on it.</summary>
/// <param name="Shown">An element that is there when the page is.</param>
internal sealed record LabPage(string Name, string Path, string Shown)
{
    public static async Task<IReadOnlyList<LabPage>> AllAsync(LabApp app)
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
            new("run-result", $"/runs/{run}", "[data-testid=made]"),
            new("run-progress", $"/runs/{run}?tab=progress&stage=tune", "[data-testid=plot] .main-svg"),
            new("run-log", $"/runs/{run}?tab=log", "[data-testid=console]"),
            new("run-artifacts", $"/runs/{run}?tab=artifacts", ".files"), new("run-pipeline", $"/runs/{run}?tab=pipeline", "main pre"),
            new("run-failed", $"/runs/{failed}", "[data-testid=failure]"), new("data", $"/data/{data}", "[data-testid=row-text]"),
            new("runs", "/?q=looked-at", "[data-testid=runs]"),
            new("compare", $"/compare?runs={run},{other}", "[data-testid=compared-scores]"), new("compare-none", "/compare", ".empty"),
            new("gpus", "/gpus", "h1"), new("chat", "/chat", "[data-testid=model]"),
            new("new-run", "/submit", ".monaco-editor .view-lines"), new("not-found", "/not-a-page", ".empty"),
        ];
    }
}
