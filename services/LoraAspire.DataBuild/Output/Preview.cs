using System.Globalization;
using System.Text;
using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Model.Data;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.DataBuild.Output;

/// <summary>
/// preview.md: ten rows, drawn by the seed, and one of each source that this draw leaves out, read back from the data set: what stands here
/// is what is trained on.
/// </summary>
internal sealed class Preview
{
    public const string FileName = "preview.md";
    private const int Rows = 10;
    private const int LongestText = 2000;
    private const int MostTokens = 80;

    private readonly Draw _draw;
    private readonly Reservoir<(int Row, SourceRecord Record)> _rows;
    private readonly SortedDictionary<string, Reservoir<(int Row, SourceRecord Record)>> _ofSource = new(StringComparer.Ordinal);

    public Preview(int seed)
    {
        _draw = new(seed);
        _rows = new(Rows, _draw);
    }

    /// <summary>The next row of the data set was made of this record.</summary>
    public void Offer(SourceRecord record)
    {
        if (!_ofSource.TryGetValue(record.Source, out var own))
        {
            _ofSource[record.Source] = own = new(1, _draw);
        }
        var row = _rows.Seen;
        _rows.Offer((row, record));
        own.Offer((row, record));
    }

    public void Save(string path, InstructionDataset dataset, HfTokenizer tokenizer)
    {
        var sources = _rows.Items.Select(kept => kept.Record.Source).ToHashSet();
        List<(int Row, SourceRecord Record)> kept =
            [.. _rows.Items, .. _ofSource.Where(source => !sources.Contains(source.Key)).SelectMany(source => source.Value.Items)];
        StringBuilder text = new($"# {kept.Count} of {_rows.Seen} rows\n");
        foreach (var (at, record) in kept.OrderBy(item => item.Row))
        {
            var row = RowInspection.Of(dataset, tokenizer, at);
            text.Append(CultureInfo.InvariantCulture, $"\n## Row {at}, from {record.Where}\n\n");
            text.Append(CultureInfo.InvariantCulture,
                $"{row.Tokens.Count} tokens, {row.LossTokens} of them with "
                    + $"loss{(row.EndsWithEos ? "" : ", cut at the end (no EOS)")}.\n\n");
            foreach (var segment in row.Segments)
            {
                Block(text, segment.CarriesLoss ? "Learned" : "Read",
                    string.Concat(segment.Parts.Where(part => !part.IsSpecial).Select(part => part.Text)));
            }
            var loss = row.Tokens.Where(token => token.CarriesLoss).ToList();
            Block(text, "Tokens with loss", string.Join(' ', loss.Take(MostTokens).Select(token => token.Piece))
                + (loss.Count > MostTokens ? $" … {loss.Count - MostTokens} more" : ""));
        }
        File.WriteAllText(path, text.ToString());
    }

    private static void Block(StringBuilder text, string title, string content)
    {
        // A fence longer than any run of backticks in the content keeps it inside.
        var fence = "```";
        while (content.Contains(fence, StringComparison.Ordinal))
        {
            fence += "`";
        }
        text.Append(CultureInfo.InvariantCulture, $"{title}:\n\n{fence}text\n{Cut(content)}\n{fence}\n\n");
    }

    /// <summary>Not through the two halves of a character beyond U+FFFF.</summary>
    private static string Cut(string content) =>
        content.Length <= LongestText ? content
            : content[..(char.IsHighSurrogate(content[LongestText - 1]) ? LongestText - 1 : LongestText)] + " …";
}
