using LoraAspire.Lab.RunPages;
using LoraAspire.Pipelines.Runs;

namespace LoraAspire.Tests.Lab;

/// <summary>Where a run's page puts the cards of its stages.</summary>
public sealed class StageGraphTests
{
    private const int Right = StageGraph.CardWidth;

    [Fact]
    public void A_chain_is_one_line_from_left_to_right()
    {
        var graph = StageGraph.Of([Stage("data"), Stage("tune", "data"), Stage("merge", "tune")]);

        Assert.All(graph.Places, place => Assert.Equal(0, place.Y));
        Assert.Equal(["data", "tune", "merge"], graph.Places.OrderBy(place => place.X).Select(place => place.Stage));
        Assert.Equal([("data", "tune"), ("tune", "merge")], graph.Lines.Select(line => (line.From, line.To)));
    }

    [Fact]
    public void A_fork_stands_under_each_other_and_a_join_right_of_all_that_it_needs()
    {
        var graph = StageGraph.Of([Stage("data"), Stage("small", "data"), Stage("large", "data"), Stage("ask", "small", "large")]);
        var places = graph.Places.ToDictionary(place => place.Stage);

        Assert.Equal(places["small"].X, places["large"].X);
        Assert.True(places["large"].Y >= places["small"].Y + StageGraph.CardHeight);
        Assert.True(places["ask"].X >= places["large"].X + Right);
        Assert.Equal(4, graph.Lines.Count);
    }

    [Fact]
    public void A_line_that_would_cross_a_card_goes_around_below_all_cards()
    {
        var graph = StageGraph.Of([Stage("data"), Stage("tune", "data"), Stage("ask", "tune", "data")]);

        Assert.True(graph.Height > StageGraph.Of([Stage("data"), Stage("tune", "data"), Stage("ask", "tune")]).Height);
        Assert.Contains("V", Assert.Single(graph.Lines, line => line is { From: "data", To: "ask" }).Path);
    }

    [Fact]
    public void Stages_are_laid_out_by_what_they_need_in_whatever_order_they_are_written()
    {
        var graph = StageGraph.Of([Stage("merge", "tune"), Stage("tune", "data"), Stage("data")]);

        Assert.Equal(["merge", "tune", "data"], graph.Places.Select(place => place.Stage));
        Assert.Equal(["data", "tune", "merge"], graph.Places.OrderBy(place => place.X).Select(place => place.Stage));
    }

    [Fact]
    public void What_no_pipeline_has_a_circle_or_a_stage_that_is_missing_ends_all_the_same()
    {
        Assert.Equal(2, StageGraph.Of([Stage("one", "two"), Stage("two", "one")]).Places.Count);
        Assert.Empty(StageGraph.Of([Stage("one", "gone")]).Lines);
        Assert.Empty(StageGraph.Of([]).Places);
    }

    [Fact]
    public void No_two_cards_stand_in_one_place()
    {
        var stages = Enumerable.Range(0, 60).Select(at => Stage($"s{at}",
            [.. Enumerable.Range(0, at).Where(other => (at * 7 + other * 13) % 9 == 0).Select(other => $"s{other}")])).ToList();

        Assert.Distinct(StageGraph.Of(stages).Places.Select(place => (place.X, place.Y)));
    }

    private static StageState Stage(string id, params string[] needs) =>
        new(id, "trainer", needs.Select((need, at) => (need, at)).ToDictionary(one => $"input{one.at}", one => $"{one.need}.adapter"));
}
