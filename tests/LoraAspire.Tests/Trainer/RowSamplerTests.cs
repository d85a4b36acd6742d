using System.Text.Json;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Tests.Goldens;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Tests.Trainer;

public sealed class RowSamplerTests
{
    public static TheoryData<string> Grouped => GoldenFolder.Cases("trainer", "group_by_length.json");

    [Theory, MemberData(nameof(Grouped)), Trait("Category", "Goldens")]
    public void Group_by_length_orders_rows_as_transformers_does(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(GoldenFolder.At(name)));
        Assert.All(GoldenFolder.Rows(json.RootElement, "cases"), golden =>
        {
            int[] Numbers(string key) => golden.GetProperty(key).Deserialize<int[]>()!;
            Assert.Equal(Numbers("indices"),
                RowSampler.GroupByLength(Numbers("lengths"), Numbers("randperm"), golden.GetProperty("batch_size").GetInt32()));
        });
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Each_epoch_sees_every_row_once_in_an_order_of_its_own(bool groupByLength)
    {
        var sampler = new RowSampler([.. Enumerable.Range(1, 23)], batchSize: 4, groupByLength, seed: 1);
        int[] Epoch(int epoch) =>
            [.. Enumerable.Range(epoch * sampler.StepsPerEpoch, sampler.StepsPerEpoch).SelectMany(step => sampler.Rows(step))];

        Assert.Equal(6, sampler.StepsPerEpoch);
        Assert.Equal(Enumerable.Range(0, 23), Epoch(0).Order());
        Assert.Equal(Enumerable.Range(0, 23), Epoch(1).Order());
        Assert.NotEqual(Epoch(0), Epoch(1));
    }

    [Fact]
    public void A_step_asked_for_out_of_order_has_the_same_rows()
    {
        var lengths = Enumerable.Range(1, 40).ToArray();
        var inOrder = new RowSampler(lengths, 4, true, 9);
        var expected = Enumerable.Range(0, 20).Select(step => inOrder.Rows(step).ToArray()).ToArray();

        Assert.Equal(expected[17], new RowSampler(lengths, 4, true, 9).Rows(17).ToArray());
    }

    [Fact]
    public void The_schedule_warms_up_from_zero_and_falls_to_zero()
    {
        var schedule = new Schedule(LrScheduler.Linear, 1.0, WarmupSteps: 4, TotalSteps: 12);
        Assert.Equal([0, 0.25, 0.5, 0.75, 1, 0.875], Enumerable.Range(0, 6).Select(schedule.At));
        Assert.Equal(0.125, schedule.At(11));
        Assert.Equal(0.5, (schedule with { Kind = LrScheduler.Cosine }).At(8), 12);
        Assert.Equal(1, (schedule with { Kind = LrScheduler.Constant }).At(11));
    }
}
