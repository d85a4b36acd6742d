using System.Text;
using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Model.Data;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.DataBuild.Output;

/// <summary>preview.md: ten rows, drawn by the seed, and one of each source that this draw leaves out, as a person reads them: prompt, answer, and which tokens carry loss.</summary>
public sealed class Preview(HfTokenizer tokenizer, int seed)
{
    public const string FileName = "preview.md";
    private const int Rows = 10;
    private const int LongestText = 2000;
    private const int MostTokens = 80;

    private readonly Draw _draw = new(seed);
    private readonly Reservoir _rows = new(Rows);
    private readonly SortedDictionary<string, Reservoir> _ofSource = new(StringComparer.Ordinal);
    private int _seen;

    public void Offer(SourceRecord record, TokenizedRow row)
    {
        if (!_ofSource.TryGetValue(record.Source, out var own))
        {
            _ofSource[record.Source] = own = new(1);
        }
        Offered offered = new(_seen++, record, row);
        _rows.Offer(offered, _draw);
        own.Offer(offered, _draw);
    }

    private sealed record Offered(int At, SourceRecord Record, TokenizedRow Row);

    /// <summary>Every one that was offered is as likely to be kept as any other.</summary>
    private sealed class Reservoir(int size)
    {
        private int _seen;

        public List<Offered> Kept { get; } = [];

        public void Offer(Offered row, Draw draw)
        {
            if (Kept.Count < size)
            {
                Kept.Add(row);
            }
            else if (draw.Between(0, _seen) is var place && place < size)
            {
                Kept[place] = row;
            }
            _seen++;
        }
    }

    public void Save(string path)
    {
        var sources = _rows.Kept.Select(kept => kept.Record.Source).ToHashSet();
        List<Offered> kept = [.. _rows.Kept, .. _ofSource.Where(source => !sources.Contains(source.Key)).SelectMany(source => source.Value.Kept)];
        StringBuilder text = new($"# {kept.Count} of {_seen} rows\n");
        foreach (var (at, record, row) in kept.OrderBy(item => item.At))
        {
            text.Append($"\n## Row {at}, from {record.Where}\n\n");
            text.Append($"{row.InputIds.Length} tokens, {row.Targets} of them with loss{(row.Truncated ? ", cut at the end (no EOS)" : "")}.\n\n");
            foreach (var (learned, content) in Stretches(row))
            {
                Block(text, learned ? "Learned" : "Read", content);
            }
            var loss = row.InputIds.Where((_, i) => i > 0 && row.Labels[i] != InstructionDataset.NoLoss).ToList();
            Block(text, "Tokens with loss", string.Join(' ', loss.Take(MostTokens).Select(tokenizer.Piece)) + (loss.Count > MostTokens ? $" … {loss.Count - MostTokens} more" : ""));
        }
        File.WriteAllText(path, text.ToString());
    }

    /// <summary>The row's own text, cut where loss begins and ends: what stands here is what is trained on.</summary>
    private IEnumerable<(bool Learned, string Text)> Stretches(TokenizedRow row)
    {
        for (int start = 0, end; start < row.InputIds.Length; start = end)
        {
            var learned = Learned(start);
            for (end = start + 1; end < row.InputIds.Length && Learned(end) == learned; end++)
            {
            }
            // Only a text's own start has a space mark that isn't in the text; decoding takes it away.
            yield return (learned, start == 0 ? tokenizer.Decode(row.InputIds.AsSpan(0, end)) : Encoding.UTF8.GetString([.. row.InputIds[start..end].SelectMany(tokenizer.Bytes)]));
        }

        bool Learned(int at) => at > 0 && row.Labels[at] != InstructionDataset.NoLoss;
    }

    private static void Block(StringBuilder text, string title, string content)
    {
        // A fence longer than any run of backticks in the content keeps it inside.
        var fence = "```";
        while (content.Contains(fence, StringComparison.Ordinal))
        {
            fence += "`";
        }
        text.Append($"{title}:\n\n{fence}text\n{Cut(content)}\n{fence}\n\n");
    }

    /// <summary>Not through the two halves of a character beyond U+FFFF.</summary>
    private static string Cut(string content) =>
        content.Length <= LongestText ? content : content[..(char.IsHighSurrogate(content[LongestText - 1]) ? LongestText - 1 : LongestText)] + " …";
}
