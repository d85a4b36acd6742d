using System.Text.Json;
using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources.Tables;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>instruction / input / output records of any table, by its own names of the columns.</summary>
internal sealed class AlpacaRecords(AlpacaSource with, DataFile file) : ISourceReader<AlpacaSource>
{
    private const string Wanted = "Every row needs the texts instruction and output; input may be left out";

    private readonly string _instruction = with.Columns.GetValueOrDefault("instruction", "instruction");
    private readonly string _input = with.Columns.GetValueOrDefault("input", "input");
    private readonly string _output = with.Columns.GetValueOrDefault("output", "output");

    public static IEnumerable<SourceRecord> Read(AlpacaSource source, SourceContext context)
    {
        var records = new AlpacaRecords(source, context.Find(source.Path)).Read();
        return source.Fill.Count == 0 ? records
            : records.Select(record => record with { Record = Placeholders.Fill(record.Record, source.Fill) });
    }

    // JSON goes its own way, without a dictionary for each row.
    public IEnumerable<SourceRecord> Read() => TableRows.IsJson(file)
        ? new JsonRows<SourceRecord>(file, Record).Read()
        : TableRows.Read(file).Select(Record);

    private SourceRecord Record(JsonElement row, Place place) => new(
        new(Text(row, _instruction, place) ?? throw Missing(place, _instruction, row.EnumerateObject().Select(column => column.Name)),
            Text(row, _input, place)
                ?? (NeedsInput(place) && !row.TryGetProperty(_input, out _)
                    ? throw Missing(place, _input, row.EnumerateObject().Select(column => column.Name)) : ""),
            row.TryGetProperty(_output, out _) ? Text(row, _output, place) ?? ""
                : throw Missing(place, _output, row.EnumerateObject().Select(column => column.Name))),
        place.File, place.Row, place.Line);

    private SourceRecord Record(TableRow row) => new(
        new(row.Cells.GetValueOrDefault(_instruction) ?? throw Missing(row.Place, _instruction, row.Cells.Keys),
            row.Cells.GetValueOrDefault(_input) ?? (NeedsInput(row.Place) ? throw Missing(row.Place, _input, row.Cells.Keys) : ""),
            row.Cells.GetValueOrDefault(_output) ?? throw Missing(row.Place, _output, row.Cells.Keys)),
        row.Place.File, row.Place.Row, row.Place.Line);

    /// <summary>An input under another name must be in the first row, or the name is a slip; rows after it may leave it out.</summary>
    private bool NeedsInput(Place place) => place.Row == 0 && with.Columns.ContainsKey("input");

    private StageException Missing(Place place, string column, IEnumerable<string> columns) =>
        place.Wrong(
            $"row {place.Row} has no "
                + $"'{column}'{Slip(column, columns)} "
                + $"{(column == _input ? "A column that columns names for input must be in the first row" : Wanted)}. It "
                + $"has: {string.Join(", ", columns)}" + (with.Columns.Count == 0
                    ? ". If the columns only have other names, say so: columns: { instruction: ..., output: ... }" : ""));

    private static string Slip(string column, IEnumerable<string> columns) =>
        Suggestion.For(column, columns) is var words && words.EndsWith('?') ? $", {words}" : ".";

    private static string? Text(JsonElement row, string key, Place place) =>
        !row.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw place.Wrong(
            $"row {place.Row}: '{key}' is {value.ValueKind.ToString().ToLowerInvariant()}, but must be a text. Put it in quotes");
}
