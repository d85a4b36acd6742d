using LoraAspire.Pipelines.Stages;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Tests.Trainer;

public sealed class MicroBatchTests
{
    private static readonly int[] s_lengths = [90, 10, 40, 40, 70, 25, 5, 20];

    [Theory, InlineData(100, true), InlineData(100, false), InlineData(30, true), InlineData(30, false), InlineData(1000, true)]
    public void Every_row_is_in_one_micro_batch_and_only_a_row_alone_exceeds_the_budget(int tokens, bool packed)
    {
        var batches = MicroBatch.Cut(MicroBatch.Weigh(Rows(s_lengths), Compat.None, 8, 8), tokens, packed);

        Assert.Equal(s_lengths.Order(), batches.SelectMany(batch => batch.Rows).Select(row => row.InputIds.Length).Order());
        Assert.All(batches, batch =>
        {
            var size = packed ? batch.RealTokens : batch.Rows.Count * batch.Rows.Max(row => row.InputIds.Length);
            Assert.True(size <= tokens || batch.Rows.Count == 1, $"{batch.Rows.Count} rows are {size} tokens");
        });
    }

    [Fact]
    public void Packed_rows_are_dealt_out_evenly()
    {
        var batches = MicroBatch.Cut(MicroBatch.Weigh(Rows(s_lengths), Compat.None, 8, 8), 160, packed: true);

        Assert.Equal([150, 150], batches.Select(batch => (int)batch.RealTokens)); // 300 tokens in all
    }

    [Fact]
    public void Every_target_of_a_step_weighs_the_same()
    {
        var rows = MicroBatch.Weigh(Rows([3, 6]), Compat.None, 8, 4);

        Assert.All(rows, row => Assert.Equal(1.0 / 7, row.Weight)); // 2 + 5 targets: the first token has none
    }

    [Fact]
    public void Under_compat_alpaca_lora_each_micro_batch_has_its_own_mean()
    {
        var rows = MicroBatch.Weigh(Rows([3, 6, 2]), Compat.AlpacaLora, batchSize: 8, microBatchSize: 2);

        // Four micro-batches make a full step; this one, an epoch's last, has two: (2 + 5 targets) and (1).
        Assert.Equal([1.0 / 28, 1.0 / 28, 1.0 / 4], rows.Select(row => row.Weight));
    }

    private static IReadOnlyList<(int[] InputIds, int[] Labels)> Rows(int[] lengths) =>
        [.. lengths.Select(length => (Enumerable.Range(1, length).ToArray(), Enumerable.Range(1, length).ToArray()))];
}
