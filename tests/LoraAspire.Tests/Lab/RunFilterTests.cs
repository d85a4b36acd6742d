using LoraAspire.Lab.ListPages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Runs;

namespace LoraAspire.Tests.Lab;

/// <summary>Which runs the list shows, by what stands in its address.</summary>
public sealed class RunFilterTests
{
    private static readonly DateTimeOffset s_noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly RunRow[] s_rows =
    [
        Row("c", "chat", 3, RunStatus.Running, new(null, null), queued: true),
        Row("b", "tiny", 2, RunStatus.Failed, new(2.5, null), note: RunNote.Of("baseline", "Lost a worker.")),
        Row("a", "tiny", 1, RunStatus.Succeeded, new(1.5, 1.75), model: "pebble"),
    ];

    [Theory]
    [InlineData("", "c b a")]
    [InlineData("tiny", "b a")]
    [InlineData("WORKER lost", "b")]
    [InlineData("pebble", "a")]
    [InlineData("line", "b")]
    [InlineData("none of these", "")]
    public void Every_word_of_a_search_stands_somewhere_in_the_run(string text, string found) =>
        Assert.Equal(found, Found(new() { Text = text }));

    [Fact]
    public void Filters_hold_together()
    {
        Assert.Equal("c", Found(new() { State = ShownState.Queued }));
        Assert.Equal("", Found(new() { State = ShownState.Running }));
        Assert.Equal("b a", Found(new() { Pipeline = "tiny" }));
        Assert.Equal("a", Found(new() { Pipeline = "tiny", Base = "pebble" }));
        Assert.Equal("b", Found(new() { Tag = "baseline" }));
        Assert.Equal("", Found(new() { Tag = "baseline", State = ShownState.Succeeded }));
    }

    [Theory]
    [InlineData(null, "c b a")]
    [InlineData("started", "a b c")]
    [InlineData("-name", "b a c")]
    [InlineData("name", "c b a")]
    [InlineData("loss", "a b c")]
    [InlineData("-loss", "b a c")]
    [InlineData("validation", "a c b")]
    [InlineData("-took", "a c b")]
    [InlineData("state", "c a b")]
    public void What_lacks_the_figure_that_is_sorted_by_stands_at_the_end(string? sort, string found) =>
        Assert.Equal(found, Found(RunFilter.Of(null, null, null, null, null, sort, null)));

    [Theory]
    [InlineData("running", "-loss", "2")]
    [InlineData(null, "name", null)]
    [InlineData(null, null, null)]
    public void A_filter_is_the_same_after_it_went_through_the_address(string? state, string? sort, string? page)
    {
        var query = RunFilter.Of("two words", state, "p", "b", "t", sort, page).Query;
        Assert.Equal(("two words", state, "p", "b", "t", sort, page),
            (query["q"], query["state"], query["pipeline"], query["base"], query["tag"], query["sort"], query["page"]));
    }

    [Fact]
    public void A_space_that_is_being_typed_stays()
    {
        var filter = RunFilter.Of("two ", null, null, null, null, null, null);
        Assert.Equal(("two ", "two "), (filter.Text, filter.Query["q"]));
    }

    [Theory]
    [InlineData("99", "whatever", "-3")]
    [InlineData("Queued, Failed", "--", "1e9")]
    [InlineData("-1", "-9", "99999999999999999999")]
    [InlineData(" ", " ", " ")]
    public void What_an_address_says_that_means_nothing_is_passed_over(string state, string sort, string page)
    {
        var filter = RunFilter.Of(" ", state, "", null, null, sort, page);
        Assert.True(filter.TakesAll);
        Assert.Equal((RunOrder.Started, 1), (filter.Order, filter.Page));
        Assert.Equal("c b a", Found(filter with { Ascending = false }));
    }

    [Fact]
    public void A_run_whose_next_stage_has_no_worker_is_queued_and_says_who_is_ahead()
    {
        var ahead = Run("ahead", "one", RunStatus.Running, StageStatus.Running);
        var waiting = Run("waiting", "two", RunStatus.Running, StageStatus.Queued);
        RunsNow now = new([waiting, ahead], new Dictionary<string, RunNote>(), [new("t", "trainer", "host", 1, s_noon, 0, [])]);

        Assert.Null(now.QueueingOf(ahead));
        var queueing = now.QueueingOf(waiting)!;
        Assert.Equal(("tune", (NobodyCan?)null), (queueing.Stage.Id, queueing.Nobody));
        Assert.Equal([ahead], queueing.Ahead);
        Assert.Contains("none is running", (now with { Workers = [] }).QueueingOf(waiting)!.Nobody!.ToString(), StringComparison.Ordinal);
    }

    private static string Found(RunFilter filter) =>
        string.Join(' ', filter.Take(s_rows, s_noon.AddHours(9)).Select(row => row.Run.Id));

    private static RunRow Row(string id, string name, int hour, RunStatus status, TrainingLosses losses, RunNote? note = null,
        string model = "granite", bool queued = false)
    {
        var run = Run(id, name, status, queued ? StageStatus.Queued : StageStatus.Succeeded, model) with
        {
            SubmittedAt = s_noon.AddHours(hour),
            FinishedAt = status == RunStatus.Running ? null : s_noon.AddHours(10 - 2 * hour),
        };
        return new(run, note ?? RunNote.None, losses) { Queueing = queued ? new(run.Stages[0], null, []) : null };
    }

    private static RunState Run(string id, string name, RunStatus status, StageStatus stage, string model = "granite") => new(id, 1)
    {
        Name = name,
        Status = status,
        Stages = [new("tune", "trainer", new Dictionary<string, string> { ["base"] = $"model:{model}" }) { Status = stage }],
    };
}
