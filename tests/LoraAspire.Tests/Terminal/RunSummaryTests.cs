using LoraAspire.AppHost.Terminal;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;
using LoraAspire.Tests.Store;

namespace LoraAspire.Tests.Terminal;

/// <summary>What came of a run, as the AppHost's terminal shows it at the end.</summary>
[Collection(CapturedTerminal.Collection)]
public sealed class RunSummaryTests : IDisposable
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly Dictionary<string, string> None = [];

    private readonly CapturedTerminal _terminal = new();
    private readonly TestFolder _folder = new();

    public void Dispose()
    {
        _terminal.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_run_that_succeeded_shows_the_answers_what_was_cached_and_a_link_to_the_newest_model()
    {
        var (old, merged) = (Published("old", "config.json", "{}"), Published("merged", "config.json", "{ }"));
        var report = Published(
            "report", "report.json", """{"questions":[{"question":"Who are you?","base":"A parrot.","model":"Pebble."}]}""",
            ArtifactKind.Report);
        var run = Ended(RunStatus.Succeeded) with
        {
            Stages =
            [
                Stage("tune", "trainer", ("model", old)) with { Cached = true },
                Stage("merge", "merger", ("model", merged)),
                Stage("ask", "evaluator", ("report", report)),
            ],
        };

        RunSummary.Print(run, _folder.Paths);
        RunSummary.Print(run, _folder.Paths);

        Assert.Contains("Run r succeeded after 1:02:03", _terminal.Out, StringComparison.Ordinal);
        Assert.Contains("Cached: tune", _terminal.Out, StringComparison.Ordinal);
        Assert.Matches("Who are you\\?.*A parrot\\..*Pebble\\.", _terminal.Out);
        Assert.Equal(_folder.Store.Folder(merged), new DirectoryInfo(Path.Combine(_folder.Paths.ModelLinks, "pebble")).LinkTarget);
    }

    [Fact]
    public void A_model_that_the_store_does_not_hold_leaves_the_link_where_it_leads()
    {
        var held = Published("held", "config.json", "{}");
        var run = Ended(RunStatus.Succeeded) with { Stages = [Stage("merge", "merger", ("model", held))] };
        var link = ModelLink.Put(run, _folder.Paths)!;

        Assert.Throws<LostArtifactException>(() =>
            ModelLink.Put(run with { Stages = [Stage("merge", "merger", ("model", new string('a', 64)))] }, _folder.Paths));

        Assert.Equal(_folder.Store.Folder(held), new DirectoryInfo(link).LinkTarget);
    }

    [Fact]
    public void A_run_that_failed_shows_which_stage_and_why()
    {
        var run = Ended(RunStatus.Failed) with
        {
            Error = "stage 'tune': no luck",
            Stages = [Stage("tune", "trainer") with { Status = StageStatus.Failed, Error = "no luck" }],
        };

        RunSummary.Print(run, _folder.Paths);

        Assert.Contains("Run r failed after 1:02:03", _terminal.Out, StringComparison.Ordinal);
        Assert.Contains("Stage tune failed: no luck", _terminal.Out, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.Paths.ModelLinks));
    }

    private static RunState Ended(RunStatus status) => new("r", Version: 9)
    {
        Name = "pebble",
        Status = status,
        SubmittedAt = At,
        FinishedAt = At + new TimeSpan(1, 2, 3),
    };

    private static StageState Stage(string id, string kind, params (string Name, string Digest)[] outputs) => new(id, kind, None)
    {
        Status = StageStatus.Succeeded,
        Outputs = outputs.ToDictionary(output => output.Name, output => output.Digest),
    };

    private string Published(string name, string file, string text, ArtifactKind kind = ArtifactKind.Model) =>
        _folder.Store.Publish(Path.GetDirectoryName(_folder.Write($"made/{name}/{file}", text))!, kind, "test@1");
}
