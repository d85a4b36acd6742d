using System.Text.Json;
using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources.Tables;
using LoraAspire.Model.Generation;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>
/// instruction / input / output records of any table, by its own names of the columns, with <c>system</c> and the turns before
/// (<c>history</c>: a list of [question, answer]) where the file has them.
/// </summary>
/// <param name="emptyOutput">What is to become of a record whose output is null: kept, it would be learned as an answer of nothing.</param>
internal sealed class AlpacaRecords(AlpacaSource with, DataFile file, EmptyOutput emptyOutput = EmptyOutput.Keep)
    : ISourceReader<AlpacaSource>
{
    private const string Wanted = "Every row needs the texts instruction and output; input may be left out";

    private readonly string[] _names =
        [.. AlpacaSource.ColumnNames.Select(name => with.Columns.GetValueOrDefault(name, name))];

    private readonly bool[] _told = new bool[AlpacaSource.ColumnNames.Count];

    private string Instruction => _names[0];
    private string Input => _names[1];
    private string Output => _names[2];

    public static IEnumerable<SourceRecord> Read(AlpacaSource source, SourceContext context)
    {
        var records = new AlpacaRecords(source, context.Find(source.Path), context.EmptyOutput).Read();
        return source.Fill.Count == 0 ? records
            : records.Select(record => record with { Record = Placeholders.Fill(record.Record, source.Fill) });
    }

    // JSON goes its own way, without a dictionary for each row; parquet too where a column is a list.
    public IEnumerable<SourceRecord> Read() => TableRows.IsJson(file)
        ? new JsonRows<SourceRecord>(file, Record, IsRow).Read()
        : TableRows.Form(file) == ".parquet" && ParquetNestedRows.HoldsList(file, _names[4])
        ? ParquetNestedRows.Read(file).Select(row => Record(row.Row, row.Place))
        : TableRows.Read(file).Select(Record);

    private bool IsRow(string name, JsonHolds holds) => holds == JsonHolds.Value && (IsNamed(name, Instruction) || IsNamed(name, Output));

    private SourceRecord Record(JsonElement row, Place place)
    {
        var cells = Cells(row);
        StageException Missing(string column) => this.Missing(place, column, row.EnumerateObject().Select(property => property.Name));
        if (cells[0].ValueKind == JsonValueKind.Undefined)
        {
            throw Missing(Instruction);
        }
        if (cells[2].ValueKind == JsonValueKind.Undefined)
        {
            throw Missing(Output);
        }
        if (cells[1].ValueKind == JsonValueKind.Undefined && NeedsInput(place))
        {
            throw Missing(Input);
        }
        return Record(place,
            Text(cells[0], Instruction, place)
                ?? throw place.Wrong($"row {place.Row}: {Instruction} is null. Write what is asked, or remove the record"),
            Text(cells[1], Input, place) ?? "",
            Text(cells[2], Output, place)
                ?? (emptyOutput == EmptyOutput.Keep ? throw place.Wrong($"row {place.Row}: {Output} is null. Write its answer, remove the "
                    + "record, or set empty_output: skip to leave such records out") : ""),
            Text(cells[3], _names[3], place), AlpacaHistory.Of(cells[4], _names[4], place));
    }

    private SourceRecord Record(TableRow row)
    {
        string? Cell(int column) => row.Cells.TryGetValue(_names[column], out var cell) ? cell
            : row.Cells.Keys.FirstOrDefault(name => IsNamed(name, _names[column])) is { } other ? row.Cells[ReadAs(other, column)] : null;
        return Record(row.Place, Cell(0) ?? throw Missing(row.Place, Instruction, row.Cells.Keys),
            Cell(1) ?? (NeedsInput(row.Place) ? throw Missing(row.Place, Input, row.Cells.Keys) : ""),
            Cell(2) ?? throw Missing(row.Place, Output, row.Cells.Keys),
            Cell(3), AlpacaHistory.Of(Cell(4), _names[4], row.Place));
    }

    private static SourceRecord Record(Place place, string instruction, string input, string output, string? system,
        IReadOnlyList<Turn> history) => new(
            new(instruction, input, output) { System = string.IsNullOrWhiteSpace(system) ? null : system, History = history },
            place.File, place.Row, place.Line);

    /// <summary>The row's cells in the order of the names, undefined where it has none.</summary>
    private JsonElement[] Cells(JsonElement row)
    {
        var cells = new JsonElement[_names.Length];
        var found = 0;
        for (var i = 0; i < cells.Length; i++)
        {
            found += row.TryGetProperty(_names[i], out cells[i]) ? 1 : 0;
        }
        // Another spelling is looked for only where the row has names that aren't known.
        if (found < cells.Length && row.GetPropertyCount() > found)
        {
            foreach (var property in row.EnumerateObject())
            {
                var i = Array.FindIndex(_names, name => IsNamed(property.Name, name));
                if (i >= 0 && cells[i].ValueKind == JsonValueKind.Undefined)
                {
                    (cells[i], _) = (property.Value, ReadAs(property.Name, i));
                }
            }
        }
        return cells;
    }

    /// <summary>Capitals and white space around a column's name don't make it another.</summary>
    private static bool IsNamed(string name, string column) => name.AsSpan().Trim().Equals(column, StringComparison.OrdinalIgnoreCase);

    private string ReadAs(string name, int column)
    {
        if (!_told[column])
        {
            file.Tell($"{file.Name}: its column '{name.Trim()}' was read as {_names[column]}.");
            _told[column] = true;
        }
        return name;
    }

    /// <summary>An input under another name must be in the first row, or the name is a slip; rows after it may leave it out.</summary>
    private bool NeedsInput(Place place) => place.Row == 0 && with.Columns.ContainsKey("input");

    private StageException Missing(Place place, string column, IEnumerable<string> columns) =>
        place.Wrong($"row {place.Row} has no '{column}'{Slip(column, columns)} "
            + (column == Input ? "A column that columns names for input must be in the first row" : Wanted)
            + $". It has: {string.Join(", ", columns)}"
            + (with.Columns.Count > 0 ? ""
                : ". If the columns only have other names, say so: columns: { instruction: ..., output: ... }"));

    private static string Slip(string column, IEnumerable<string> columns) =>
        Suggestion.For(column, columns) is var words && words.EndsWith('?') ? $", {words}" : ".";

    private static string? Text(JsonElement value, string key, Place place) => value.ValueKind switch
    {
        JsonValueKind.Undefined or JsonValueKind.Null => null,
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Array or JsonValueKind.Object => throw place.Wrong(
            $"row {place.Row}: '{key}' is {(value.ValueKind == JsonValueKind.Array ? "a list" : "an object")}, but must be a text. "
                + "Write it as one: what is to be read or answered, letter for letter (its JSON in quotes, where that is meant)"),
        var kind => throw place.Wrong(
            $"row {place.Row}: '{key}' is {kind.ToString().ToLowerInvariant()}, but must be a text. Put it in quotes"),
    };
}
