using LoraAspire.Model.Data;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Tests.Trainer;

public sealed class TrainingRowsTests
{
    /// <summary>Records 0, 1, 2 … of one source, each in as many rows as told.</summary>
    private static InstructionDataset Rows(int records, int copies)
    {
        var folder = Directory.CreateTempSubdirectory("lora-").FullName;
        using (InstructionDatasetWriter writer = new(folder))
        {
            for (var row = 0; row < records * copies; row++)
            {
                writer.Add([1, 3 + row, 2], [InstructionDataset.NoLoss, 3 + row, 2], "a.json", row / copies);
            }
            writer.Complete();
        }
        return InstructionDataset.Open(folder);
    }

    private static TrainerParams With(int heldOut, Compat compat = Compat.None) =>
        new() { BatchSize = 1, MicroBatchSize = 1, ValSetSize = heldOut, NumEpochs = 1, WarmupSteps = 0, Compat = compat };

    private static HashSet<int> Trained(TrainingRows rows) =>
        [.. Enumerable.Range(0, rows.StepsPerEpoch).SelectMany(rows.Step)
            .Select(row => row.InputIds[1] - 3)];

    [Fact]
    public void No_copy_of_a_held_out_record_is_trained_on()
    {
        using var data = Rows(records: 12, copies: 3);
        TrainingRows rows = new(data, With(heldOut: 5));
        var heldOut = rows.HeldOut.Select(row => row / 3).ToHashSet();
        Assert.Equal(5, rows.HeldOut.Count);
        Assert.Equal(Enumerable.Range(0, 36).Where(row => !heldOut.Contains(row / 3)), Trained(rows).Order());
        Assert.Equal((heldOut.Count * 3) - 5, rows.LeftOut);
    }

    [Fact]
    public void Alpaca_lora_and_a_set_without_copies_leave_nothing_out()
    {
        using var copies = Rows(records: 12, copies: 3);
        Assert.Equal((31, 0),
            new TrainingRows(copies, With(heldOut: 5, Compat.AlpacaLora)) is var like ? (like.Count, like.LeftOut) : default);
        using var single = Rows(records: 36, copies: 1);
        Assert.Equal((31, 0), new TrainingRows(single, With(heldOut: 5)) is var rows ? (rows.Count, rows.LeftOut) : default);
    }

    [Fact]
    public void A_set_of_copies_alone_is_refused()
    {
        using var data = Rows(records: 1, copies: 4);
        Assert.Contains("copy of a held-out one", Assert.Throws<StageException>(() => new TrainingRows(data, With(heldOut: 1))).Message);
    }
}
