using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Data;

/// <summary>Which rows are meant.</summary>
/// <param name="Text">Stands in the row's text, upper and lower case alike.</param>
/// <param name="Source">The row's source.</param>
public sealed record RowFilter(string? Text = null, string? Source = null)
{
    /// <summary>Fewest and most tokens of the row; null takes any.</summary>
    public (int Least, int Most)? Tokens { get; init; }

    public bool TakesAll => Text is not { Length: > 0 } && Source is not { Length: > 0 } && Tokens is null;
}

/// <summary>
/// The folder that data-build writes, opened to be looked at: rows, their tokenizer, and the counts of dataset.json. Reading may be done
/// from several threads.
/// </summary>
public sealed class DatasetFolder : IDisposable
{
    private const int RowsBetweenReports = 16_384;

    private DatasetFolder(InstructionDataset rows, HfTokenizer tokenizer, DatasetFacts facts) =>
        (Rows, Tokenizer, Facts) = (rows, tokenizer, facts);

    public InstructionDataset Rows { get; }

    public HfTokenizer Tokenizer { get; }

    public DatasetFacts Facts { get; }

    /// <exception cref="ModelException">Not a data set, or one without its tokenizer.</exception>
    public static DatasetFolder Open(string folder)
    {
        var tokenizer = Path.Combine(folder, InstructionDataset.TokenizerFolder);
        if (!Directory.Exists(tokenizer))
        {
            InstructionDataset.Open(folder).Dispose();
            throw new ModelException(
                $"{folder} has no folder {InstructionDataset.TokenizerFolder}: an older data-build wrote it. Run the pipeline again.");
        }
        var (loaded, facts) = (HfTokenizer.Load(tokenizer), DatasetFacts.Read(folder));
        var rows = InstructionDataset.Open(folder);
        try
        {
            rows.RequireIdsBelow(loaded.VocabSize);
            return new(rows, loaded, facts);
        }
        catch
        {
            rows.Dispose();
            throw;
        }
    }

    /// <exception cref="ModelException">There is no such row.</exception>
    public RowInspection Inspect(int row) =>
        Missing(row) is { } words ? throw new ModelException(words) : RowInspection.Of(Rows, Tokenizer, row);

    /// <summary>That there is no such row, and which there are; null where there is.</summary>
    public string? Missing(int row) =>
        row >= 0 && row < Rows.Count ? null : $"No row {row}: the data set has {Rows.Count} rows, 0 to {Rows.Count - 1}.";

    /// <summary>
    /// The nearest matching row from <paramref name="from"/> on, itself included; null when there is none on that side. Rows are decoded
    /// one by one.
    /// </summary>
    /// <param name="step">1 forwards, −1 backwards.</param>
    /// <param name="reached">Called now and then with the row that is being read.</param>
    public int? Find(RowFilter filter, int from, int step, CancellationToken cancellationToken, IProgress<int>? reached = null)
    {
        for (var row = from; row >= 0 && row < Rows.Count; row += step)
        {
            if (row % RowsBetweenReports == 0)
            {
                reached?.Report(row);
            }
            cancellationToken.ThrowIfCancellationRequested();
            if (Matches(filter, row))
            {
                return row;
            }
        }
        return null;
    }

    /// <summary>The matching rows from the first on, ascending.</summary>
    public IEnumerable<int> Matching(RowFilter filter, CancellationToken cancellationToken, IProgress<int>? reached = null)
    {
        for (var row = Find(filter, 0, 1, cancellationToken, reached); row is { } found; row =
            Find(filter, found + 1, 1, cancellationToken, reached))
        {
            yield return found;
        }
    }

    /// <summary>
    /// So many rows of those that match, ascending; every one is as likely as any other (reservoir sampling), so all rows are looked at.
    /// Memory holds those alone.
    /// </summary>
    public IReadOnlyList<int> Draw(RowFilter filter, int count, Random random, CancellationToken cancellationToken,
        IProgress<int>? reached = null)
    {
        List<int> kept = [];
        foreach (var (seen, row) in Matching(filter, cancellationToken, reached).Index())
        {
            if (kept.Count < count)
            {
                kept.Add(row);
            }
            else if (random.Next(seen + 1) is var place && place < count)
            {
                kept[place] = row;
            }
        }
        kept.Sort();
        return kept;
    }

    public void Dispose() => Rows.Dispose();

    private bool Matches(RowFilter filter, int row) =>
        (filter.Tokens is not { } tokens || (Rows.InputIds(row).Length is var length && length >= tokens.Least && length <= tokens.Most))
        && (filter.Source is not { Length: > 0 } source || Rows.Origin(row).Source == source)
        && (filter.Text is not { Length: > 0 } text
            || Tokenizer.Decode(Rows.InputIds(row)).Contains(text, StringComparison.OrdinalIgnoreCase));
}
