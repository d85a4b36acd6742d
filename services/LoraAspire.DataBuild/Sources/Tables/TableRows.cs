using System.Text.Json;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>One row of a table: its columns' values as texts. An empty cell is an empty text.</summary>
internal sealed record TableRow(Place Place, IReadOnlyDictionary<string, string> Cells);

/// <summary>The rows of a .json, .jsonl, .csv, .tsv or .parquet file, as a stream.</summary>
internal static class TableRows
{
    /// <summary>What a file's name says of its form; ".gz" aside.</summary>
    public static string Form(DataFile file)
    {
        var name = file.Name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? file.Name[..^3] : file.Name;
        return Path.GetExtension(name).ToLowerInvariant();
    }

    public static bool IsJson(DataFile file) => Form(file) is not (".csv" or ".tsv" or ".parquet");

    public static IEnumerable<TableRow> Read(DataFile file) => Form(file) switch
    {
        ".csv" => CsvRows.Read(file, ","),
        ".tsv" => CsvRows.Read(file, "\t"),
        ".parquet" => ParquetRows.Read(file),
        _ => new JsonRows<TableRow>(file, Row).Read(),
    };

    private static TableRow Row(JsonElement row, Place place)
    {
        Dictionary<string, string> cells = new(StringComparer.Ordinal);
        foreach (var column in row.EnumerateObject())
        {
            cells[column.Name] = column.Value.ValueKind switch
            {
                JsonValueKind.String => column.Value.GetString()!,
                JsonValueKind.Null => "",
                // A list or an object has no one text; a template that names it shows what it is.
                _ => column.Value.GetRawText(),
            };
        }
        return new(place, cells);
    }
}
