using System.Text.RegularExpressions;
using LoraAspire.DataBuild.Records;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>Records without JSON: a line for the question and one for the answer, each with its label (<c>Q:</c>, <c>答：</c>, <c>output:</c>), or a table of two columns.</summary>
internal static class RecordLines
{
    private static readonly Regex Label = new($@"^[^\p{{L}}\p{{N}}]{{0,12}}(?:\d{{1,3}}[^\p{{L}}\p{{N}}]{{1,6}})?(?<key>{RecordKeys.Pattern})\s*\d{{0,3}}[*_`""'”]*\s*[:：][*_`]*\s*(?<text>.*)$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    /// <summary>A question and its answer in one line.</summary>
    private static readonly Regex InLine = new($@"^(.+?)\s\W{{0,3}}(?:A|Answer|答|回答)[*_]*\s*[:：][*_]*\s*(.+)$", RegexOptions.CultureInvariant);

    /// <summary>A label as a heading, whose text stands beneath it.</summary>
    private static readonly Regex Heading = new($@"^(?:#{{1,6}}\s*|\*\*)(?<key>{RecordKeys.Pattern})\s*\d{{0,3}}\**$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    public static ReadAnswer<InstructionRecord> Read(string answer)
    {
        List<InstructionRecord> records = [];
        List<string> dropped = [];
        RecordCollector collector = new(records, dropped);
        var open = false;
        string? title = null;
        foreach (var line in answer.Split('\n').Select(Blanks.Trim))
        {
            if (line.StartsWith('|'))
            {
                Row(line, collector);
            }
            else if (Label.Match(line) is { Success: true } label)
            {
                open = RecordKeys.IsAnswer(label.Groups["key"].Value);
                var text = label.Groups["text"].Value;
                if (!open && InLine.Match(text) is { Success: true } both)
                {
                    collector.Question(Quotes.Strip(both.Groups[1].Value));
                    collector.Answer(Quotes.Strip(both.Groups[2].Value));
                    continue;
                }
                Action<string> take = open ? collector.Answer : collector.Question;
                take(Quotes.Strip(text));
            }
            else if (Heading.Match(line) is { Success: true } heading)
            {
                title = heading.Groups["key"].Value;
            }
            else if (title is not null && line.Length > 0)
            {
                open = RecordKeys.IsAnswer(title);
                Action<string> take = open ? collector.Answer : collector.Question;
                take(Quotes.Strip(line));
                title = null;
            }
            else if (line.Length == 0 || line.StartsWith("```", StringComparison.Ordinal))
            {
                open = false;
            }
            else if (open && collector.HasAnswer)
            {
                collector.Append(line);
            }
            else
            {
                dropped.Add(ReadAnswer<InstructionRecord>.Prose);
            }
        }
        collector.Flush();
        return new(records, dropped);
    }

    /// <summary>A row of a table, a number before its two texts aside. The heading and the line beneath it hold no record.</summary>
    private static void Row(string line, RecordCollector collector)
    {
        var cells = line.Trim('|').Split('|').Select(cell => Quotes.Strip(Blanks.Trim(cell))).SkipWhile(cell => cell.Length < 4 && cell.All(letter => char.IsDigit(letter) || letter is '.' or '#')).ToList();
        if (cells.Count == 2 && cells[0].Any(char.IsLetter) && !RecordKeys.IsQuestion(cells[0]))
        {
            collector.Question(cells[0]);
            collector.Answer(cells[1]);
        }
    }
}
