using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources.Tables;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>Rows of any table → instructions by templates over its columns.</summary>
/// <param name="written">Templates that a chat model wrote, beside the given ones.</param>
internal sealed class TableRecords(TableSource with, DataFile file, Func<string, DataFile> find, int seed, IReadOnlyList<Template> written)
{
    public IEnumerable<SourceRecord> Read()
    {
        using var rows = TableRows.Read(file).GetEnumerator();
        if (!rows.MoveNext())
        {
            yield break;
        }
        // The first row's columns are the file's: a placeholder that names none of them is found before any row is made.
        string[] columns = [.. rows.Current.Cells.Keys];
        if (with.Values.Keys.FirstOrDefault(name => !columns.Contains(name)) is { } unknown)
        {
            throw new StageException($"values names the column '{unknown}', {Suggestion.For(unknown, columns)} {file.Name} has: {string.Join(", ", columns)}.");
        }
        var (output, input) = (One(with.Output, "output", columns), with.Input is { } text ? One(text, "input", columns) : null);
        var templates = TemplateList.Checked(Given(with, find).Concat(written), columns);
        var asked = templates.All.SelectMany(template => template.Placeholders).Concat(input?.Placeholders ?? []).Distinct().Order(StringComparer.Ordinal).ToList();
        using var forms = templates.Draw(seed).GetEnumerator();
        do
        {
            forms.MoveNext();
            yield return Record(rows.Current, forms.Current, input, output) with { Content = string.Join('\n', asked.Select(column => rows.Current.Cells.GetValueOrDefault(column))) };
        }
        while (rows.MoveNext());
    }

    public static IEnumerable<Template> Given(TableSource with, Func<string, DataFile> find) => TemplateList.Given(with.Templates, TableSource.IsFile, find);

    private static Template One(string text, string key, string[] columns) => TemplateList.Checked([new(text, key)], columns).All[0];

    private SourceRecord Record(TableRow row, Template form, Template? input, Template output)
    {
        string? empty = null;
        string Cell(string column)
        {
            var value = row.Cells.GetValueOrDefault(column) ?? throw row.Place.Wrong($"row {row.Place.Row} has no '{column}'. It has: {string.Join(", ", row.Cells.Keys)}");
            if (string.IsNullOrWhiteSpace(value))
            {
                empty ??= column;
                return "";
            }
            return !with.Values.TryGetValue(column, out var words) ? value.Trim()
                : words.TryGetValue(value.Trim(), out var word) ? word
                : throw row.Place.Wrong($"'{column}' is '{value.Trim()}', for which values has no word. It has: {string.Join(", ", words.Keys)}");
        }
        InstructionRecord record = new(form.Fill(Cell), input?.Fill(Cell) ?? "", output.Fill(Cell));
        return new(record, row.Place.File, row.Place.Row, row.Place.Line) { Dropped = empty is null ? null : $"'{empty}' is empty" };
    }
}
