using System.Text.Json;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>
/// Objects from a JSON array or one after another (.jsonl), read as a stream: memory holds one buffer, however long the file. What is wrong
/// is said with file and line.
/// </summary>
/// <param name="make">Called while the element is alive.</param>
/// <param name="isRow">Whether a property makes an object a record; null where nobody can tell. See <see cref="JsonForm"/>.</param>
internal sealed class JsonRows<T>(DataFile file, Func<JsonElement, Place, T> make, Func<string, JsonHolds, bool>? isRow = null)
{
    /// <summary>A longer record is no record, but one object around all of them; it would be held in memory whole.</summary>
    private const int LongestRecord = 32 << 20;

    private static readonly JsonReaderOptions Options = new() { AllowMultipleValues = true };

    private JsonReaderState _state = new(Options);
    /// <summary>Lines before the window's first byte.</summary>
    private long _lines;
    private long _row;
    /// <summary>The list inside an object that holds the records; null where they stand alone.</summary>
    private string? _list;
    private bool _named, _inside;

    public IEnumerable<T> Read()
    {
        var form = JsonForm.Of(file, isRow);
        if (form.Kind is JsonFormKind.Columns or JsonFormKind.Index)
        {
            var holds = form.Kind == JsonFormKind.Columns ? "a list for each column" : "a record under each name";
            file.Tell($"{file.Name}: one object with {holds}; it was read as that.");
            foreach (var record in JsonTurned.Read(file, form.Kind, make))
            {
                yield return record;
            }
            yield break;
        }
        if (form is { Kind: JsonFormKind.List, List: { } list })
        {
            file.Tell($"{file.Name}: the records are those of its list '{(list.Length > 60 ? list[..60] + "…" : list)}'.");
            _list = list;
        }
        using JsonWindow window = new(file, LongestRecord);
        List<T> found = [];
        window.Begin();
        while (true)
        {
            found.Clear();
            var used = ReadBuffer(window, found);
            foreach (var record in found)
            {
                yield return record;
            }
            if (window.End)
            {
                yield break;
            }
            window.Consume(used);
            if (!window.Fill())
            {
                throw Wrong(_lines + 1,
                    $"row {_row} is longer than {LongestRecord >> 20} MiB. Is it one object around the records, such as {{ \"data\": "
                        + $"[...] }}? Write the list alone");
            }
        }
    }

    /// <summary>Whether the token stands outside the list that holds the records, or is its beginning or end.</summary>
    private bool IsAround(in Utf8JsonReader reader)
    {
        if (_list is null)
        {
            return reader.TokenType is JsonTokenType.StartArray or JsonTokenType.EndArray && reader.CurrentDepth == 0;
        }
        if (reader.CurrentDepth == 1)
        {
            _inside = _named && reader.TokenType == JsonTokenType.StartArray;
            _named = reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals(_list);
            return true;
        }
        return !_inside;
    }

    private int ReadBuffer(JsonWindow window, List<T> found)
    {
        var data = window.Data;
        Utf8JsonReader reader = new(data, window.End, _state);
        var used = 0L;
        var counted = 0;
        try
        {
            while (true)
            {
                var before = reader;
                if (!reader.Read())
                {
                    break;
                }
                if (IsAround(reader))
                {
                    (used, _state) = (reader.BytesConsumed, reader.CurrentState);
                    continue;
                }
                var start = (int)reader.TokenStartIndex;
                _lines += data[counted..start].Count((byte)'\n');
                counted = start;
                if (reader.TokenType != JsonTokenType.StartObject)
                {
                    throw Wrong(_lines + 1, $"row {_row} is {Name(reader.TokenType)}, not an object with named values");
                }
                // From the token on: a document parses the value that the reader stands at.
                if (!JsonDocument.TryParseValue(ref reader, out var document))
                {
                    reader = before;
                    break;
                }
                using (document)
                {
                    found.Add(Make(document.RootElement, new(file.Name, _row, _lines + 1)));
                }
                _row++;
                (used, _state) = (reader.BytesConsumed, reader.CurrentState);
            }
            _lines += data[counted..Math.Max(counted, (int)used)].Count((byte)'\n') - data[(int)used..Math.Max(counted, (int)used)]
                .Count((byte)'\n');
            return (int)used;
        }
        catch (JsonException e)
        {
            var (line, words) = JsonFault.Words(e, data, counted, _lines, _row);
            throw Wrong(line, words);
        }
    }

    private T Make(JsonElement row, Place place)
    {
        try
        {
            return make(row, place);
        }
        catch (InvalidOperationException)
        {
            throw place.Wrong($"row {_row} holds bytes that are not UTF-8, or half of a surrogate pair. Convert the file, for example "
                + "with iconv -f GB18030 -t UTF-8");
        }
    }

    private StageException Wrong(long line, string words) => new($"{file.Name}:{line}: {words}.");

    private static string Name(JsonTokenType type) => type switch
    {
        JsonTokenType.StartArray => "a list",
        JsonTokenType.String => "a text",
        JsonTokenType.Number => "a number",
        JsonTokenType.PropertyName => "a property",
        _ => type.ToString().ToLowerInvariant(),
    };
}
