using LoraAspire.Lab.RunPages;
using LoraAspire.Pipelines.Runs;

namespace LoraAspire.Tests.Lab;

/// <summary>From what an artifact was made, and what was made from it.</summary>
public sealed class ArtifactLineageTests
{
    [Fact]
    public void It_is_told_both_ways_and_over_runs_that_share_it()
    {
        var run = Run("one", "a");
        var other = Run("two", "a");

        var lineage = ArtifactLineage.Of(run, run.Stage("tune")!, "a", [other, run]);

        Assert.Equal([new("base: model:pebble", null, null), new("dataset: data.dataset", null, "d")], lineage.MadeFrom);
        Assert.Equal([new("merge", null, "m-one"), new("merge of two", "two", "m-two")], lineage.UsedBy);
    }

    [Fact]
    public void However_many_runs_use_it_all_are_told()
    {
        var run = Run("one", "a");

        var lineage = ArtifactLineage.Of(run, run.Stage("tune")!, "a", [run, .. Enumerable.Range(0, 300).Select(i => Run($"r{i}", "a"))]);

        Assert.Equal(301, lineage.UsedBy.Count);
    }

    [Fact]
    public void Another_artifact_of_the_same_name_is_no_use_of_it()
    {
        var run = Run("one", "a");

        Assert.Empty(ArtifactLineage.Of(run, run.Stage("tune")!, "another", [Run("two", "b")]).UsedBy);
    }

    private static RunState Run(string id, string adapter) => new(id, 1)
    {
        Name = id,
        Stages =
        [
            Stage("data", "data-build", new() { ["base"] = "model:pebble" }, new() { ["dataset"] = "d" }),
            Stage("tune", "trainer", new() { ["dataset"] = "data.dataset", ["base"] = "model:pebble" }, new() { ["adapter"] = adapter }),
            Stage("merge", "merger", new() { ["base"] = "model:pebble", ["adapter"] = "tune.adapter" }, new() { ["model"] = $"m-{id}" }),
        ],
    };

    private static StageState Stage(string id, string kind, Dictionary<string, string> inputs, Dictionary<string, string> outputs) =>
        new(id, kind, inputs) { Outputs = outputs, Status = StageStatus.Succeeded };
}
