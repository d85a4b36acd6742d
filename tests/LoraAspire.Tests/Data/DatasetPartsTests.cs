using LoraAspire.Model;
using LoraAspire.Model.Data;

namespace LoraAspire.Tests.Data;

public sealed class DatasetPartsTests
{
    [Fact]
    public void A_data_set_that_is_too_large_for_one_file_goes_on_in_another_and_reads_as_one()
    {
        var folder = Directory.CreateTempSubdirectory("lora-").FullName;
        // A batch takes 16,384 rows, a part here one batch: three parts, the last with a single row.
        const int rows = (2 * 16_384) + 1;
        Write(folder, rows, partBytes: 10_000);
        Assert.Equal(["dataset.1.arrow", "dataset.2.arrow", "dataset.arrow"],
            Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal)!);
        using var read = InstructionDataset.Open(folder);
        Assert.Equal(rows, read.Count);
        Assert.All(new[] { 0, 1, 16_383, 16_384, 32_767, 32_768 }, row =>
        {
            Assert.Equal([row, row % 7], read.InputIds(row).ToArray());
            Assert.Equal([InstructionDataset.NoLoss, row % 7], read.Labels(row).ToArray());
            Assert.Equal(("file", row, row + 1), read.Origin(row));
        });
        Assert.Throws<ArgumentOutOfRangeException>(() => read.Length(rows));
    }

    [Fact]
    public void Long_rows_fill_a_batch_by_their_tokens()
    {
        var folder = Directory.CreateTempSubdirectory("lora-").FullName;
        var ids = Enumerable.Range(0, 1 << 20).ToArray();
        using (InstructionDatasetWriter writer = new(folder, partBytes: 10_000))
        {
            for (var row = 0; row < 9; row++)
            {
                writer.Add(ids, ids, "file", row);
            }
            writer.Complete();
        }
        using var read = InstructionDataset.Open(folder);
        Assert.Equal(9, read.Count);
        // 4 Mi tokens a batch: four rows, four, and one.
        Assert.Equal(3, InstructionDataset.Files(folder).Count());
        Assert.Equal(ids, read.InputIds(8).ToArray());
    }

    [Fact]
    public void Parts_that_a_stopped_run_left_do_not_join_the_next_data_set()
    {
        var folder = Directory.CreateTempSubdirectory("lora-").FullName;
        Write(folder, rows: 20_000, partBytes: 10_000);
        Write(folder, rows: 3, partBytes: 10_000);
        using var read = InstructionDataset.Open(folder);
        Assert.Equal(3, read.Count);
    }

    [Fact]
    public void A_part_that_was_cut_off_is_refused_in_words()
    {
        var folder = Directory.CreateTempSubdirectory("lora-").FullName;
        Write(folder, rows: 20_000, partBytes: 10_000);
        var part = Path.Combine(folder, "dataset.1.arrow");
        File.WriteAllBytes(part, File.ReadAllBytes(part)[..1000]);
        Assert.Contains("Build the data set again", Assert.Throws<ModelException>(() => InstructionDataset.Open(folder)).Message,
            StringComparison.Ordinal);
    }

    private static void Write(string folder, int rows, long partBytes)
    {
        using InstructionDatasetWriter writer = new(folder, partBytes);
        for (var row = 0; row < rows; row++)
        {
            writer.Add([row, row % 7], [InstructionDataset.NoLoss, row % 7], "file", row, row + 1);
        }
        writer.Complete();
    }
}
