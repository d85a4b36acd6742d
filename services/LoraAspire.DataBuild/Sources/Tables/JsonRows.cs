using System.Text.Json;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>
/// Objects from a JSON array or one after another (.jsonl), read as a stream: memory holds one buffer, however long the file. What is wrong
/// is said with file and line.
/// </summary>
/// <param name="make">Called while the element is alive.</param>
internal sealed class JsonRows<T>(DataFile file, Func<JsonElement, Place, T> make)
{
    /// <summary>A longer record is no record, but one object around all of them; it would be held in memory whole.</summary>
    private const int LongestRecord = 32 << 20;

    private static readonly JsonReaderOptions Options = new() { AllowMultipleValues = true };

    private byte[] _buffer = new byte[1 << 17];
    private int _filled;
    private bool _end;
    private JsonReaderState _state = new(Options);
    /// <summary>Lines before the buffer's first byte.</summary>
    private long _lines;
    private long _row;

    public IEnumerable<T> Read()
    {
        using var stream = file.Open();
        List<T> found = [];
        Fill(stream);
        if (_filled >= 3 && _buffer.AsSpan(0, 3).SequenceEqual("\uFEFF"u8))
        {
            Consume(3);
        }
        else if (_filled >= 2 && (_buffer[0], _buffer[1]) is (0xFF, 0xFE) or (0xFE, 0xFF))
        {
            throw Wrong(1, "UTF-16, not UTF-8. Convert the file, for example with iconv -f UTF-16 -t UTF-8");
        }
        while (true)
        {
            found.Clear();
            var used = ReadBuffer(found);
            foreach (var record in found)
            {
                yield return record;
            }
            if (_end)
            {
                yield break;
            }
            Consume(used);
            Fill(stream);
        }
    }

    private int ReadBuffer(List<T> found)
    {
        var data = _buffer.AsSpan(0, _filled);
        Utf8JsonReader reader = new(data, _end, _state);
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
                if (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.EndArray && reader.CurrentDepth == 0)
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
            throw Wrong((e.LineNumber ?? _lines) + 1,
                $"malformed JSON at byte {e.BytePositionInLine + 1} of the line (row {_row}). {Cut(e.Message)}");
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

    private static string Cut(string message) => message.Split(" LineNumber:")[0].TrimEnd('.');

    private void Consume(int count)
    {
        _buffer.AsSpan(count, _filled - count).CopyTo(_buffer);
        _filled -= count;
    }

    private void Fill(Stream stream)
    {
        if (_filled == _buffer.Length)
        {
            if (_filled >= LongestRecord)
            {
                throw Wrong(_lines + 1,
                    $"row {_row} is longer than {LongestRecord >> 20} MiB. Is it one object around the records, such as {{ \"data\": "
                        + $"[...] }}? Write the list alone");
            }
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }
        try
        {
            var read = stream.ReadAtLeast(_buffer.AsSpan(_filled), _buffer.Length - _filled, throwOnEndOfStream: false);
            _end = read < _buffer.Length - _filled;
            _filled += read;
        }
        catch (InvalidDataException e)
        {
            throw new StageException($"{file.Name}: the gzip file is damaged: {e.Message} Copy it again.", inner: e);
        }
    }
}
