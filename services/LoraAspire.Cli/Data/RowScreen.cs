using LoraAspire.Model.Data;
using Spectre.Console;

namespace LoraAspire.Cli.Data;

/// <summary>
/// A row in the terminal: blue is read, green is learned, special tokens stand out. Without colours (NO_COLOR, a file, a pipe) marks stand
/// for them. What comes from the data is spelled out first, so that no escape sequence in it reaches the terminal.
/// </summary>
internal static class RowScreen
{
    private static readonly Style Read = new(Color.SteelBlue1);
    private static readonly Style Learned = new(Color.Green, decoration: Decoration.Underline);
    private static readonly Style Special = new(Color.Yellow, decoration: Decoration.Bold);

    private static bool Plain => Console.IsOutputRedirected || AnsiConsole.Profile.Capabilities.ColorSystem == ColorSystem.NoColors;

    public static void Write(RowInspection row, int rows, bool withTokens)
    {
        var line = row.Line > 0 ? $", line {row.Line}" : "";
        var facts = $"row {row.Row} of {rows} · {VisibleText.Marked(row.Source)}, record {row.SourceRow}{line} · {row.Tokens.Count} "
            + $"tokens, {row.LossTokens} with loss";
        var end = row.EndsWithEos ? "ends with EOS" : "cut: no EOS at its end";
        if (Plain)
        {
            Console.WriteLine($"== {facts} · {end}");
        }
        else
        {
            AnsiConsole.MarkupLine($"[bold]{Markup.Escape(facts)}[/] · {(row.EndsWithEos ? end : $"[red]{end}[/]")}");
        }
        if (withTokens)
        {
            WriteTokens(row);
        }
        else
        {
            WriteText(row);
        }
        Console.WriteLine();
    }

    public static void WriteLegend(bool withTokens)
    {
        if (withTokens)
        {
            Console.WriteLine("␣ space, ↵ line break, ⟨F0⟩ one byte of a character");
        }
        else if (Plain)
        {
            Console.WriteLine("⟦learned: these tokens carry loss⟧, what stands outside is only read; ⟨special token⟩");
        }
        else
        {
            AnsiConsole.Write(new Paragraph().Append("read only", Read).Append(" · ").Append("learned: carries loss", Learned).Append(" · ")
                .Append("special token", Special).Append("\n"));
        }
    }

    private static void WriteText(RowInspection row)
    {
        if (Plain)
        {
            foreach (var segment in row.Segments)
            {
                var text = string.Concat(
                    segment.Parts.Select(part => part.IsSpecial ? $"⟨{VisibleText.Safe(part.Text)}⟩" : VisibleText.Safe(part.Text)));
                Console.Write(segment.CarriesLoss ? $"⟦{text}⟧" : text);
            }
            Console.WriteLine();
            return;
        }
        Paragraph paragraph = new();
        foreach (var (segment, part) in row.Segments.SelectMany(segment => segment.Parts.Select(part => (segment, part))))
        {
            var style = segment.CarriesLoss ? Learned : Read;
            paragraph.Append(VisibleText.Safe(part.Text),
                part.IsSpecial ? Special.Combine(new Style(decoration: Decoration.Bold | style.Decoration)) : style);
        }
        AnsiConsole.Write(paragraph.Append("\n"));
    }

    private static void WriteTokens(RowInspection row)
    {
        var table = new Table().Border(TableBorder.None).AddColumns("POSITION", "ID", "TOKEN", "PIECE", "LOSS");
        (table.Columns[0].Alignment, table.Columns[1].Alignment) = (Justify.Right, Justify.Right);
        foreach (var token in row.Tokens)
        {
            var style = token.IsSpecial ? Special : token.CarriesLoss ? Learned : Read;
            table.AddRow(
                new Text($"{token.Position}"), new Text($"{token.Id}"),
                new Text(token.PartOf is null ? token.Text : $"{token.Text} of {token.PartOf}", style),
                new Text(VisibleText.Marked(token.Piece)), new Text(token.CarriesLoss ? "loss" : "-",
                    token.CarriesLoss ? Learned : Style.Plain));
        }
        AnsiConsole.Write(table);
    }
}
