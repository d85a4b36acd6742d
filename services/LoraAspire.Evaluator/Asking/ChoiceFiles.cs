using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using CsvHelper;
using CsvHelper.Configuration;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Evaluator.Asking;

/// <summary>
/// Questions with choices, as they are published: MMLU's CSV files without a header (question, choices, letter), those of C-Eval and CMMLU
/// with one (<c>question</c>, <c>A</c> to <c>D</c>, <c>answer</c>; capitals don't count), or JSON with <c>question</c>, <c>choices</c> or
/// letters, <c>answer</c>, <c>subject</c>. A CSV file without a column <c>subject</c> is about what its name says.
/// </summary>
internal static partial class ChoiceFiles
{
    private const string Needs = "question, choices (a list of 2 to 10 texts, or A, B, C, D) and answer (a number from 0, or a letter)";

    /// <exception cref="StageException">A file can't be read as that; the message gives the record.</exception>
    public static IReadOnlyList<ChoiceRow> Read(DataRoot data, IReadOnlyList<string> names) => [.. names.SelectMany(name =>
        name.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) ? Csv(data, name) : HeldOutFile.Read(data, name, Json, Needs))];

    private static List<ChoiceRow> Csv(DataRoot data, string name)
    {
        List<ChoiceRow> rows = [];
        using StringReader text = new(HeldOutFile.Text(data, name));
        var line = 1;
        using CsvParser parser = new(text, new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            BadDataFound = _ => throw new StageException($"{name}: a quote in line {line} or behind it isn't closed, or stands in a text "
                + "without quotes around it."),
        });
        string[]? header = null;
        try
        {
            for (; parser.Read(); line = parser.RawRow + 1)
            {
                var cells = parser.Record!;
                if (line == 1 && cells.Any(cell => Is(cell, "question")) && cells.Any(cell => Is(cell, "answer")))
                {
                    header = [.. cells.Select(cell => cell.Trim())];
                    continue;
                }
                rows.Add((header is null ? Bare(cells, SubjectOf(name)) : Named(header, cells, SubjectOf(name)))
                    ?? throw new StageException($"{name}: line {line} needs {Needs}."));
            }
        }
        catch (CsvHelperException error)
        {
            throw error.InnerException as StageException
                ?? new StageException($"{name}: line {line} can't be read: {error.Message.Split('\n')[0].Trim()}", inner: error);
        }
        return rows.Count > 0 ? rows : throw new StageException($"{name} holds no record. Look at the file, or leave it out.");
    }

    private static bool Is(string cell, string column) => cell.Trim().Equals(column, StringComparison.OrdinalIgnoreCase);

    private static ChoiceRow? Bare(string[] cells, string subject) => cells.Length < 4 ? null
        : ChoiceRow.Of(cells[0], cells[1..^1], cells[^1], subject);

    private static ChoiceRow? Named(string[] header, string[] cells, string subject)
    {
        string? Cell(string column) => Array.FindIndex(header, name => Is(name, column)) is >= 0 and var at && at < cells.Length
            ? cells[at] : null;
        return ChoiceRow.Of(Cell("question"), Lettered(Cell), Cell("answer"), Cell("subject") ?? subject);
    }

    /// <summary>abstract_algebra of mmlu/dev/abstract_algebra_dev.csv.</summary>
    private static string SubjectOf(string name) => Part().Replace(Path.GetFileNameWithoutExtension(name), "");

    private static List<string> Lettered(Func<string, string?> cell) =>
        [.. ChoiceRow.Letters.Select(letter => cell(letter.ToString())).TakeWhile(choice => choice is not null).OfType<string>()];

    private static ChoiceRow? Json(JsonElement record)
    {
        if (record.ValueKind != JsonValueKind.Object)
        {
            return null;
        }
        Dictionary<string, JsonElement> fields = new(StringComparer.OrdinalIgnoreCase);
        foreach (var field in record.EnumerateObject())
        {
            fields[field.Name] = field.Value;
        }
        string? Text(string name) => fields.TryGetValue(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString() : null;
        List<string> choices = fields.TryGetValue("choices", out var list) && list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Select(choice => choice.GetString() ?? "")] : Lettered(Text);
        var answer = fields.TryGetValue("answer", out var right) && right.ValueKind == JsonValueKind.Number ? right.GetRawText()
            : Text("answer");
        return ChoiceRow.Of(Text("question"), choices, answer, Text("subject"));
    }

    [GeneratedRegex("_(dev|val|test)$")]
    private static partial Regex Part();
}
