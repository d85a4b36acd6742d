using System.Globalization;
using LoraAspire.Model.Data;
using Spectre.Console;

namespace LoraAspire.Cli.Data;

/// <summary>The counts of dataset.json as tables, and the lengths as bars of text.</summary>
internal static class StatsScreen
{
    private const int BarLength = 50;

    public static void Write(DatasetFacts facts)
    {
        Console.WriteLine(
            $"{Count(facts.Rows)} rows, {Count(facts.Total.Tokens)} "
                + $"tokens; {((1 - facts.MaskedShare) * 100).ToString("0.0", CultureInfo.InvariantCulture)} % carry loss, the others are "
                + "masked");
        Console.WriteLine(
            $"{Count(facts.Total.Truncated)} rows cut at cutoff_len {facts.CutoffLen}; prompt "
                + $"template {VisibleText.Marked(facts.PromptTemplateName ?? "?")}; "
                + $"train_on_inputs {(facts.TrainOnInputs ? "true" : "false")}");
        Console.WriteLine();
        var sources = Columns("SOURCE", "RECORDS", "ROWS", "TOKENS", "WITH LOSS", "CUT", "DROPPED");
        foreach (var (name, source) in facts.Sources.Append(new("all", facts.Total)))
        {
            sources.AddRow([new Text(VisibleText.Marked(name)), .. new[] { source.Records, source.Written, source.Tokens, source.LossTokens,
                source.Truncated, source.Dropped.Values.Sum() }.Select(count => new Text(Count(count)))]);
        }
        AnsiConsole.Write(sources);
        WriteCounts("DROPPED BECAUSE", "RECORDS", facts.Total.Dropped);
        WriteCounts("UNLIKE ALPACA-LORA", "ROWS", facts.Differences);
        foreach (var note in facts.Notes)
        {
            Console.WriteLine($"\n{VisibleText.Safe(note)}");
        }
        WriteLengths(facts.LengthBins);
    }

    private static void WriteCounts(string title, string unit, IReadOnlyDictionary<string, long> counts)
    {
        if (counts.Count == 0)
        {
            return;
        }
        Console.WriteLine();
        var table = Columns(title, unit);
        foreach (var (reason, count) in counts)
        {
            table.AddRow(new Text(VisibleText.Marked(reason).Replace('␣', ' ')), new Text(Count(count)));
        }
        AnsiConsole.Write(table);
    }

    private static void WriteLengths(IReadOnlyList<LengthBin> bins)
    {
        if (bins.Count == 0)
        {
            return;
        }
        Console.WriteLine();
        var most = Math.Max(1, bins.Max(bin => bin.Rows));
        var table = Columns("TOKENS", "ROWS", "");
        (table.Columns[0].Alignment, table.Columns[2].Alignment) = (Justify.Right, Justify.Left);
        foreach (var bin in bins.SkipWhile(bin => bin.Rows == 0))
        {
            // A bin that holds anything shows something.
            var length = bin.Rows == 0 ? 0 : Math.Max(1, (int)(bin.Rows * BarLength / most));
            table.AddRow(new Text($"{bin.From}–{bin.To}"), new Text(Count(bin.Rows)), new Text(new string('█', length)));
        }
        AnsiConsole.Write(table);
    }

    /// <summary>Words left, figures right.</summary>
    private static Table Columns(params string[] titles)
    {
        var table = new Table().Border(TableBorder.None);
        foreach (var title in titles)
        {
            table.AddColumn(new TableColumn(title) { Alignment = table.Columns.Count == 0 ? Justify.Left : Justify.Right });
        }
        return table;
    }

    private static string Count(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);
}
