using LoraAspire.DataBuild.Sources;
using LoraAspire.Model.Data;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Tests.DataBuild;

public sealed class MixTests
{
    private static (string, RecordSource) Source(int? sample = null, double? share = null, double? weight = null, int repeat = 1) =>
        ("a.json", new AlpacaSource { Path = "a.json", Sample = sample, Share = share, Weight = weight, Repeat = repeat });

    [Fact]
    public void A_share_is_part_of_the_whole_that_the_others_leave_room_for() =>
        // 900 rows are 90 %, so the whole is 1,000.
        Assert.Equal([600, 300, 100], Mix.Rows([Source(), Source(sample: 300), Source(share: 0.1)], [600, 5000, 400]));

    [Fact]
    public void Where_all_have_shares_the_scarcest_gives_everything() =>
        Assert.Equal([300, 100], Mix.Rows([Source(share: 0.75), Source(share: 0.25)], [300, 400]));

    [Fact]
    public void Weights_relate_sources_and_repeat_makes_one_longer() =>
        // 200·2 rows at weight 1 against 900 at weight 3: the second is the scarcer.
        Assert.Equal([300, 900, 50], Mix.Rows([Source(weight: 1, repeat: 2), Source(weight: 3), Source()], [200, 900, 50]));

    [Fact]
    public void A_share_beyond_what_is_there_is_refused_with_the_numbers()
    {
        var message = Assert.Throws<StageException>(() => Mix.Rows([Source(), Source(share: 0.5)], [1000, 400])).Message;
        Assert.Contains("1,000", message);
        Assert.Contains("400", message);
    }

    [Fact]
    public void A_source_without_a_record_has_no_share_or_weight() =>
        Assert.Contains("no record that could be taken",
            Assert.Throws<StageException>(() => Mix.Rows([Source(weight: 1), Source(weight: 2)], [300, 0])).Message);

    [Fact]
    public void What_is_held_out_is_held_out_whole()
    {
        DataBuildParams with =
            new() { Sources = [new AlpacaSource { Path = "a" }], HeldOut = [new AlpacaSource { Path = "b", Sample = 5 }] };
        Assert.Contains(with.Validate(), problem => problem.Key == "held_out[0]");
    }

    [Fact]
    public void A_draw_takes_each_record_equally_often_give_or_take_one_and_in_order()
    {
        var records = Enumerable.Range(0, 10).Select(i => new SourceRecord(new("", "", ""), "a", i)).ToList();
        var drawn = Sampling.Drawn(records, 10, 27, seed: 5).Select(record => record.Row).ToList();
        Assert.Equal(27, drawn.Count);
        Assert.Equal(drawn.Order(), drawn);
        Assert.All(drawn.CountBy(row => row), count => Assert.InRange(count.Value, 2, 3));
        Assert.Equal(drawn, Sampling.Drawn(records, 10, 27, seed: 5).Select(record => record.Row));
    }

    [Fact]
    public async Task The_data_set_has_the_shares_that_were_asked_for()
    {
        static string Rows(string name, int count) =>
            string.Join('\n', Enumerable.Range(0, count).Select(i => $$"""{"instruction": "{{name}} {{i}}", "output": "x"}"""));
        var run = await new StageRun().File("a.jsonl", Rows("a", 300)).File("b.jsonl", Rows("b", 500))
            .RunAsync(StageRun.With(StageRun.Alpaca("a.jsonl"), new AlpacaSource { Path = "b.jsonl", Share = 0.25 }));
        using var rows = InstructionDataset.Open(run.Dataset);
        Assert.Equal([("a.jsonl", 300), ("b.jsonl", 100)],
            Enumerable.Range(0, rows.Count).CountBy(row => rows.Origin(row).Source).Select(count => (count.Key, count.Value)));
    }

    [Theory]
    [InlineData(0.5, 0.4, "add up to 0.9, not to 1")]
    [InlineData(1.0, null, "leaves nothing")]
    public void Shares_that_cannot_be_are_refused_before_the_run(double first, double? second, string words)
    {
        DataBuildParams with =
            new() { Sources = [new AlpacaSource { Path = "a", Share = first }, new AlpacaSource { Path = "b", Share = second }] };
        Assert.Contains(with.Validate(), problem => problem.Key == "sources" && problem.Problem.Contains(words));
    }

    [Fact]
    public async Task A_sample_and_its_repeat_stay_what_they_are_beside_a_source_with_a_share()
    {
        static string Rows(int count) =>
            string.Join('\n', Enumerable.Range(0, count).Select(i => $$"""{"instruction": "{{i}}", "output": "x"}"""));
        async Task<List<long>> Drawn(params DataSource[] more)
        {
            var run = await new StageRun().File("a.jsonl", Rows(100)).File("b.jsonl", Rows(50))
                .RunAsync(StageRun.With([StageRun.Alpaca("a.jsonl", sample: 10, repeat: 3), .. more]));
            using var dataset = LoraAspire.Model.Data.InstructionDataset.Open(run.Dataset);
            return [.. Enumerable.Range(0, dataset.Count).Select(row => dataset.Record(row)).Where(record => record.Source == "a.jsonl")
                .Select(record => record.Row)];
        }
        var alone = await Drawn();
        Assert.Equal((30, 10), (alone.Count, alone.Distinct().Count()));
        Assert.Equal(alone, await Drawn(new AlpacaSource { Path = "b.jsonl", Share = 0.25 }));
    }
}
