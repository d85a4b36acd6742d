using System.Text.Json;
using LoraAspire.Runtime.Stages;

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

    /// <summary>Templates are looked through for each of them.</summary>
    public const int MostColumns = 10_000;

    private static readonly string[] Foreign =
        [".xlsx", ".xls", ".ods", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz", ".arrow", ".feather", ".db", ".sqlite"];

    /// <summary>Any file that doesn't say that it is another.</summary>
    /// <exception cref="StageException">A form that isn't read here.</exception>
    public static bool IsJson(DataFile file) => Form(file) is var form && Foreign.Contains(form)
        ? throw new StageException(
            $"{file.Name}: {form} files aren't read. Unpack or export it: .json, .jsonl, .csv, .tsv (each also .gz) and .parquet are.")
        : form is not (".csv" or ".tsv" or ".parquet");

    /// <param name="isRow">Whether a property makes a JSON object a record; null where nobody can tell.</param>
    public static IEnumerable<TableRow> Read(DataFile file, Func<string, JsonHolds, bool>? isRow = null) => Form(file) switch
    {
        ".csv" => CsvRows.Read(file, ','),
        ".tsv" => CsvRows.Read(file, '\t'),
        ".parquet" => ParquetRows.Read(file),
        _ => IsJson(file) ? new JsonRows<TableRow>(file, Row, isRow).Read() : [],
    };

    private static TableRow Row(JsonElement row, Place place)
    {
        Dictionary<string, string> cells = new(StringComparer.Ordinal);
        foreach (var column in row.EnumerateObject())
        {
            if (cells.Count == MostColumns)
            {
                throw place.Wrong($"row {place.Row} has more than {MostColumns} columns");
            }
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
