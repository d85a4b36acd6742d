using System.Globalization;
using System.Text.Json;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>
/// A JSON file that is one object with a list, or an object, for each column; or with a record under each name. Held in memory.
/// </summary>
internal static class JsonTurned
{
    private const int Longest = 1 << 28;

    public static IEnumerable<T> Read<T>(DataFile file, JsonFormKind kind, Func<JsonElement, Place, T> make)
    {
        using var document = Parse(file);
        var row = 0L;
        using var records = (kind == JsonFormKind.Index ? document.RootElement.EnumerateObject().Select(property => property.Value)
            : Rows(file, document.RootElement)).GetEnumerator();
        while (true)
        {
            Place place = new(file.Name, row++, 0);
            T made;
            try
            {
                if (!records.MoveNext())
                {
                    yield break;
                }
                made = make(records.Current, place);
            }
            catch (InvalidOperationException)
            {
                throw place.Wrong($"row {place.Row} holds bytes that are not UTF-8, or half of a surrogate pair");
            }
            yield return made;
        }
    }

    private static IEnumerable<JsonElement> Rows(DataFile file, JsonElement whole)
    {
        var columns = whole.EnumerateObject().Select(column => (column.Name, Cells: Cells(column.Value))).ToList();
        var (first, count) = (columns[0].Name, columns[0].Cells.Count);
        if (columns.Find(column => column.Cells.Count != count) is { Name: { } other, Cells: var cells })
        {
            throw new StageException(string.Create(CultureInfo.InvariantCulture, $"{file.Name}: a list for each column, but '{first}' has "
                + $"{count} values and '{other}' {cells.Count}: which belong together can't be told. Write a record a line."));
        }
        for (var row = 0; row < count; row++)
        {
            using MemoryStream text = new();
            using (Utf8JsonWriter writer = new(text))
            {
                writer.WriteStartObject();
                foreach (var (name, values) in columns)
                {
                    writer.WritePropertyName(name);
                    values[row].WriteTo(writer);
                }
                writer.WriteEndObject();
            }
            using var record = JsonDocument.Parse(text.ToArray());
            yield return record.RootElement;
        }
    }

    private static List<JsonElement> Cells(JsonElement column) => column.ValueKind == JsonValueKind.Array ? [.. column.EnumerateArray()]
        : [.. column.EnumerateObject().Select(cell => cell.Value)];

    private static JsonDocument Parse(DataFile file)
    {
        using JsonWindow window = new(file, Longest);
        window.Begin();
        while (!window.End)
        {
            if (!window.Fill())
            {
                throw new StageException($"{file.Name}: one object around {Longest >> 20} MiB and more of columns. Write a record a line, "
                    + "with pandas df.to_json(path, orient=\"records\", lines=True).");
            }
        }
        try
        {
            return JsonDocument.Parse(window.Memory);
        }
        catch (JsonException e)
        {
            var (line, words) = JsonFault.Words(e, window.Data, 0, 0);
            throw new StageException($"{file.Name}:{line}: {words}.", inner: e);
        }
    }
}
