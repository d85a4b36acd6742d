using System.Text;
using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Model.Data;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.DataBuild.Output;

/// <summary>preview.md: ten rows, drawn by the seed, and one of each source that this draw leaves out, as a person reads them: prompt, answer, and which tokens carry loss.</summary>
public sealed class Preview(HfTokenizer tokenizer, PromptTemplate template, int seed)
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
            foreach (var turn in record.Record.History)
            {
                Block(text, "Before", template.Prompt(turn.Question, turn.Input) + turn.Answer);
            }
            Block(text, "Prompt", template.Prompt(record.Record.Instruction, record.Record.Input));
            Block(text, "Answer", record.Record.Output);
            var loss = row.InputIds.Where((_, i) => i > 0 && row.Labels[i] != InstructionDataset.NoLoss).ToList();
            Block(text, "Tokens with loss", string.Join(' ', loss.Take(MostTokens).Select(tokenizer.Piece)) + (loss.Count > MostTokens ? $" … {loss.Count - MostTokens} more" : ""));
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
        text.Append($"{title}:\n\n{fence}text\n{(content.Length > LongestText ? content[..LongestText] + " …" : content)}\n{fence}\n\n");
    }
}
