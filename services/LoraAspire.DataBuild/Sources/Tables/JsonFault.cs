using System.Text.Json;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>What is wrong with malformed JSON, in words for whoever wrote it by hand or with another program.</summary>
internal static class JsonFault
{
    /// <summary>The line, from 1, and the words without a full stop; they name the byte of the line where that is of use.</summary>
    /// <param name="data">What is in memory of the file.</param>
    /// <param name="at">An offset in it that lies before the fault.</param>
    /// <param name="lines">Line ends before that offset.</param>
    /// <param name="row">The record; null where that isn't known.</param>
    public static (long Line, string Words) Words(JsonException e, ReadOnlySpan<byte> data, int at, long lines,
        long? row = null)
    {
        var line = e.LineNumber ?? lines;
        // The parser's words begin with the letter that it stumbled over.
        var here = e.Message is ['\'', var letter, '\'', ..] ? letter : '\0';
        if (e.Message.Contains("trailing comma", StringComparison.Ordinal))
        {
            // The comma stands before the bracket that the parser stumbles over, on a line before it as a rule.
            var fault = Offset(e, data, at, lines);
            var comma = fault < 0 ? -1 : data[..fault].LastIndexOf((byte)',');
            return (line + 1 - (comma < 0 ? 0 : data[comma..fault].Count((byte)'\n')),
                e.Message.Contains("JSON object", StringComparison.Ordinal) ? "a comma after the last value of an object: remove it"
                    : "a comma after the last record: remove it");
        }
        var place = $"malformed JSON at byte {e.BytePositionInLine + 1} of the line{(row is null ? "" : $" (row {row})")}: ";
        return (line + 1, place + (e.Message.Contains("end of data", StringComparison.Ordinal)
                || e.Message.Contains("end of the JSON payload", StringComparison.Ordinal)
                ? "the file ends in the middle of a record or list: a quote or bracket is missing, or it was cut off"
            : e.Message.Contains("within a JSON string", StringComparison.Ordinal)
                ? "a line break, tab or other control character stands in a text: write \\n or \\t"
            : e.Message.Contains("escapable", StringComparison.Ordinal) ? "a single backslash in a text: write it twice"
            : here switch
            {
                '\'' => "names and texts stand in double quotes. Is this what Python prints? Write it with json.dumps",
                'N' or 'T' or 'F' or 'I' => "JSON writes null, true and false; it has no None, NaN or Infinity",
                '/' or '#' => "JSON has no comments: remove them",
                ',' => "a comma where a record or value belongs: remove it. One record a line stands without commas; a list of them in [ ]",
                '{' or '"' or '[' => $"a comma or colon is missing before this. {Cut(e.Message)}",
                _ => Cut(e.Message),
            }));
    }

    /// <summary>The offset of the fault in the data, or -1 where its line begins before them.</summary>
    private static int Offset(JsonException e, ReadOnlySpan<byte> data, int at, long lines)
    {
        if (e is not { LineNumber: { } line, BytePositionInLine: { } column } || line < lines)
        {
            return -1;
        }
        var begin = data[..at].LastIndexOf((byte)'\n') + 1;
        if (line > lines)
        {
            begin = at;
            for (; line > lines; lines++)
            {
                var end = data[begin..].IndexOf((byte)'\n');
                if (end < 0)
                {
                    return -1;
                }
                begin += end + 1;
            }
        }
        return begin + column <= data.Length ? begin + (int)column : -1;
    }

    private static string Cut(string message) => message.Split(" LineNumber:")[0].TrimEnd('.')
        .Replace(" which is not supported in this mode. Change the reader options", "", StringComparison.Ordinal);
}
