using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.Tests.Pipelines;

public sealed class StageKeyTests
{
    private static readonly Dictionary<string, string> Inputs = new() { ["base"] = "aa", ["adapter"] = "bb" };
    private static readonly Dictionary<string, string> NoFiles = [];

    /// <summary>A changed literal means that every cached result of every user is made again.</summary>
    [Fact]
    public void The_key_of_a_known_stage_is_this_one()
    {
        var identity = StageKey.Identity(StageKinds.Merger, new MergerParams(), Inputs, NoFiles);

        Assert.Equal(
            """{"data_files":{},"inputs":{"adapter":"bb","base":"aa"},"kind":"merger","version":3,"with":"""
            + """{"dtype":null,"max_shard_size_mib":4096,"require_base":true,"verify":true,"verify_limit":"""
            + """null,"verify_prompts":[],"weights":[]}}""",
            StageKey.Canonical(identity));
        Assert.Equal("417033a38670f1701ebb7071f54791ca4a1f7abc003c81fe278a42f5deec7104", StageKey.Of(identity));
    }

    [Fact]
    public void The_order_of_inputs_does_not_matter_but_each_value_does()
    {
        var key = Key(new MergerParams(), Inputs, NoFiles);

        Assert.Equal(key, Key(new MergerParams(), new() { ["adapter"] = "bb", ["base"] = "aa" }, NoFiles));
        Assert.NotEqual(key, Key(new MergerParams(), new() { ["adapter"] = "bb", ["base"] = "ab" }, NoFiles));
        Assert.NotEqual(key, Key(new MergerParams { MaxShardSizeMib = 1 }, Inputs, NoFiles));
        Assert.NotEqual(key, Key(new MergerParams(), Inputs, new() { ["data/a.json"] = "cc" }));
        Assert.NotEqual(key, StageKey.Of(StageKey.Identity(StageKinds.Merger with { Version = 1 }, new MergerParams(), Inputs, NoFiles)));
    }

    [Fact]
    public void A_default_that_is_written_out_is_the_same_stage() =>
        Assert.Equal(Key(new MergerParams(), Inputs, NoFiles), Key(new MergerParams { MaxShardSizeMib = 4096 }, Inputs, NoFiles));

    [Fact]
    public void The_order_of_rank_patterns_matters_since_the_first_that_fits_counts()
    {
        static string Key(params (string Pattern, int Rank)[] patterns) => StageKey.Of(StageKey.Identity(StageKinds.Trainer,
            new TrainerParams { RankPattern = patterns.ToDictionary(pair => pair.Pattern, pair => pair.Rank) }, Inputs, NoFiles));

        Assert.Equal(Key(("q_proj", 1), (".*_proj", 2)), Key(("q_proj", 1), (".*_proj", 2)));
        Assert.NotEqual(Key(("q_proj", 1), (".*_proj", 2)), Key((".*_proj", 2), ("q_proj", 1)));
    }

    [Fact]
    public void How_much_a_writer_may_ask_is_no_part_of_the_identity_and_who_writes_is()
    {
        static string Identity(WriterParams writer) =>
            StageKey.Canonical(StageKey.Identity(StageKinds.DataBuild, new DataBuildParams { Writer = writer }, Inputs, NoFiles));
        WriterParams writer = new() { Provider = ChatProvider.Ollama, Model = "m" };
        Assert.Equal(Identity(writer), Identity(writer with { MaxRequests = 8675309, ApiKeyEnv = "OTHER" }));
        Assert.DoesNotContain("max_requests", Identity(writer));
        Assert.NotEqual(Identity(writer), Identity(writer with { Model = "n" }));
    }

    [Fact]
    public void How_often_a_trainer_tells_and_keeps_its_state_is_no_part_of_the_identity()
    {
        static string Identity(TrainerParams with) => StageKey.Canonical(StageKey.Identity(StageKinds.Trainer, with, Inputs, NoFiles));

        Assert.Equal(Identity(new()), Identity(new() { LoggingSteps = 10, SaveSteps = 7, SaveTotalLimit = 1 }));
        Assert.NotEqual(Identity(new()), Identity(new() { EvalSteps = 10 }));
    }

    private static string Key(MergerParams with, Dictionary<string, string> inputs, Dictionary<string, string> files) =>
        StageKey.Of(StageKey.Identity(StageKinds.Merger, with, inputs, files));
}
