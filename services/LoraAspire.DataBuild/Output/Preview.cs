using System.Text;
using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Model.Data;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.DataBuild.Output;

/// <summary>preview.md: ten rows, drawn by the seed, as a person reads them: prompt, answer, and which tokens carry loss.</summary>
public sealed class Preview(HfTokenizer tokenizer, PromptTemplate template, int seed)
{
    public const string FileName = "preview.md";
    private const int Rows = 10;
    private const int LongestText = 2000;
    private const int MostTokens = 80;

    private readonly Draw _draw = new(seed);
    private readonly List<(int At, SourceRecord Record, TokenizedRow Row)> _kept = [];
    private int _seen;

    public void Offer(SourceRecord record, TokenizedRow row)
    {
        if (_kept.Count < Rows)
        {
            _kept.Add((_seen, record, row));
        }
        else if (_draw.Between(0, _seen) is var place && place < Rows)
        {
            _kept[place] = (_seen, record, row);
        }
        _seen++;
    }

    public void Save(string path)
    {
        StringBuilder text = new($"# {_kept.Count} of {_seen} rows\n");
        foreach (var (at, record, row) in _kept.OrderBy(item => item.At))
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
