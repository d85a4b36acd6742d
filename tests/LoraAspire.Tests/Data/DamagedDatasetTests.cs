using LoraAspire.Model;
using LoraAspire.Model.Data;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Data;

/// <summary>
/// A changed byte of dataset.arrow gives other rows, or a <see cref="ModelException"/>; never memory that isn't the file's.
/// </summary>
public sealed class DamagedDatasetTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-damaged-").FullName;

    private string Arrow => Path.Combine(_folder, InstructionDataset.FileName);

    public static IEnumerable<TheoryDataRow<string>> Shared => GoldenFolder.Faults("arrow");

    [Theory, MemberData(nameof(Shared))]
    public void A_data_set_that_once_ended_the_process_is_refused(string file)
    {
        File.Copy(Path.Combine(GoldenFolder.SharedCases, file), Arrow);

        Assert.Contains("Build the data set again", Assert.Throws<ModelException>(() => InstructionDataset.Open(_folder)).Message);
    }

    [Fact]
    public void Each_changed_byte_gives_rows_of_the_file_or_an_error_in_words()
    {
        Write();
        var whole = File.ReadAllBytes(Arrow);
        var refused = 0;
        for (var at = 0; at < whole.Length; at++)
        {
            foreach (var value in new byte[] { 0, 0x7f, 0x80, 0xff, (byte)(whole[at] ^ 1) })
            {
                var damaged = (byte[])whole.Clone();
                damaged[at] = value;
                refused += ReadAll(damaged) ? 0 : 1;
            }
        }
        Assert.True(refused > whole.Length / 4, $"{refused} of {whole.Length * 5} were refused");
    }

    [Fact]
    public void A_file_cut_at_any_byte_gives_whole_batches_or_an_error_in_words()
    {
        Write();
        var whole = File.ReadAllBytes(Arrow);
        var read = Enumerable.Range(0, whole.Length / 3).Count(third => ReadAll(whole[..(3 * third)]));
        Assert.InRange(read, 0, whole.Length / 6);
        Assert.True(ReadAll(whole));
    }

    [Theory]
    [InlineData(0x10000, "token id 65536")]
    [InlineData(-7, "token id -7")]
    public void An_id_that_the_vocabulary_does_not_have_is_told_with_its_row(int id, string words)
    {
        using (InstructionDatasetWriter writer = new(_folder))
        {
            writer.Add([1, 2], [InstructionDataset.NoLoss, 2], "a", 0);
            writer.Add([1, id], [InstructionDataset.NoLoss, 2], "a", 1);
            writer.Complete();
        }
        using var rows = InstructionDataset.Open(_folder);

        var error = Assert.Throws<ModelException>(() => rows.RequireIdsBelow(3000));
        Assert.Contains("Row 1 of the data set has the " + words, error.Message);
    }

    [Fact]
    public void A_label_that_the_vocabulary_does_not_have_is_told_with_its_row()
    {
        using (InstructionDatasetWriter writer = new(_folder))
        {
            writer.Add([1, 2], [InstructionDataset.NoLoss, 3000], "a", 0);
            writer.Complete();
        }
        using var rows = InstructionDataset.Open(_folder);

        Assert.Contains("Row 0 of the data set has the label 3000",
            Assert.Throws<ModelException>(() => rows.RequireIdsBelow(3000)).Message);
        rows.RequireIdsBelow(3001);
    }

    /// <summary>Whether it can be read, to its last value.</summary>
    private bool ReadAll(byte[] bytes)
    {
        File.WriteAllBytes(Arrow, bytes);
        try
        {
            using var rows = InstructionDataset.Open(_folder);
            for (var row = 0; row < rows.Count; row++)
            {
                Assert.Equal(rows.InputIds(row).Length, rows.Labels(row).Length);
                Assert.Equal(rows.Length(row), rows.InputIds(row).Length);
                Assert.True(rows.Origin(row).Source.Length <= bytes.Length);
            }
            return true;
        }
        catch (ModelException error)
        {
            Assert.Contains(_folder, error.Message, StringComparison.Ordinal);
            return false;
        }
    }

    private void Write()
    {
        using InstructionDatasetWriter writer = new(_folder);
        for (var row = 0; row < 5; row++)
        {
            writer.Add([1, row, 2], [InstructionDataset.NoLoss, row, 2], row < 3 ? "a.json" : "grammar", row, row + 1);
        }
        writer.Complete();
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
