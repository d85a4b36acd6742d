using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources.Tables;
using LoraAspire.DataBuild.Written;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>Rows of any table → instructions by templates over its columns.</summary>
/// <param name="written">Templates that a chat model wrote, beside the given ones.</param>
internal sealed class TableRecords(TableSource with, DataFile file, Func<string, DataFile> find, int seed, IReadOnlyList<Template> written)
    : ISourceReader<TableSource>
{
    public static IEnumerable<SourceRecord> Read(TableSource source, SourceContext context) =>
        new TableRecords(source, context.Find(source.Path), context.Find, context.Seed, context.WrittenTemplates).Read();

    public static IEnumerable<Assignment> Asked(TableSource source, SourceContext context) => source.Written == 0 ? [] :
    [
        new TemplateAssignment($"table {source.Path}, templates", $"what the templates below ask for; its answer is {source.Output}",
            [.. Given(source, context.Find).Select(template => template.Text)], Optional: [], source.Written),
    ];

    public IEnumerable<SourceRecord> Read()
    {
        using var rows = TableRows.Read(file, IsRow).GetEnumerator();
        if (!rows.MoveNext())
        {
            yield break;
        }
        // The first row's columns are the file's: a placeholder that names none of them is found before any row is made.
        string[] columns = [.. rows.Current.Cells.Keys];
        if (with.Values.Keys.FirstOrDefault(name => !columns.Contains(name)) is { } unknown)
        {
            throw new StageException(
                $"values names the column '{unknown}', {Suggestion.For(unknown, columns)} {file.Name} has: {string.Join(", ", columns)}.");
        }
        var (output, input) = (One(with.Output, "output", columns), with.Input is { } text ? One(text, "input", columns) : null);
        var templates =
            TemplateList.Checked(Given(with, find).Concat(written).Select(template => template with { Columns = columns }), columns);
        RefuseForgottenBrackets(templates.All, input, output, columns);
        var named =
            templates.All.Append(input).OfType<Template>().SelectMany(template => template.Placeholders).ToHashSet(StringComparer.Ordinal);
        // In the file's order: the same columns under other names are still compared one by one.
        var asked = columns.Where(named.Contains).ToList();
        using var forms = templates.Draw(seed).GetEnumerator();
        do
        {
            forms.MoveNext();
            yield return Record(rows.Current, forms.Current, input,
                output) with
            { Content = string.Join('\n', asked.Select(column => rows.Current.Cells.GetValueOrDefault(column))) };
        }
        while (rows.MoveNext());
    }

    /// <summary>The answer is made of columns that a record has; a list of objects is none of them.</summary>
    private bool IsRow(string name, JsonHolds holds) =>
        holds == JsonHolds.Value && with.Output.Contains($"[{name}]", StringComparison.Ordinal);

    private static IEnumerable<Template> Given(TableSource with, Func<string, DataFile> find) =>
        TemplateList.Given(with.Templates, TableSource.IsFile, find);

    private static Template One(string text, string key, string[] columns) =>
        TemplateList.Checked([new(text, key) { Columns = columns }], columns).All[0];

    /// <summary>A column's name without its brackets is text, the same in every record.</summary>
    private void RefuseForgottenBrackets(IEnumerable<Template> templates, Template? input, Template output, string[] columns)
    {
        if (Array.Find(columns, column => output.Text.Trim().Equals(column, StringComparison.Ordinal)) is { } bare)
        {
            throw new StageException(
                $"output is the word '{bare}' in every record. To take the column's value, write it in brackets and quotes: \"[{bare}]\"");
        }
        if (input?.Placeholders.Any() is not true && templates.FirstOrDefault(template => !template.Placeholders.Any()) is { } same)
        {
            throw new StageException($"{same.Where}: names no column, so every prompt would be the same: {same.Text}. {file.Name} "
                + $"has: {string.Join(", ", columns.Select(column => $"[{column}]"))}; or give the source an input.");
        }
    }

    private SourceRecord Record(TableRow row, Template form, Template? input, Template output)
    {
        string? empty = null;
        string Cell(string column)
        {
            var value = row.Cells.GetValueOrDefault(column)
                ?? throw row.Place.Wrong($"row {row.Place.Row} has no '{column}'. It has: {string.Join(", ", row.Cells.Keys)}");
            if (string.IsNullOrWhiteSpace(value))
            {
                empty ??= column;
                return "";
            }
            return !with.Values.TryGetValue(column, out var words) ? value.Trim()
                : words.TryGetValue(value.Trim(), out var word) ? word
                : throw row.Place.Wrong(
                    $"'{column}' is '{value.Trim()}', for which values has no word. It has: {string.Join(", ", words.Keys)}");
        }
        InstructionRecord record = new(form.Fill(Cell), input?.Fill(Cell) ?? "", output.Fill(Cell));
        return new(record, row.Place.File, row.Place.Row, row.Place.Line) { Dropped = empty is null ? null : $"'{empty}' is empty" };
    }
}
