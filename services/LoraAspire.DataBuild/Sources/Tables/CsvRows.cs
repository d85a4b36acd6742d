using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>
/// Comma-separated values with a header row and RFC 4180 quotes, or tab-separated ones, in which a quote is a letter. White space around a
/// column's name is no part of it; columns without a name are left out where there are several, and rows without any text too.
/// </summary>
internal static class CsvRows
{
    // An opening quote without an end would take in the whole file, and so would a file without line ends.
    private const int LongestRow = 4 << 20;

    /// <param name="usual">What the file's name says that columns are separated by.</param>
    public static IEnumerable<TableRow> Read(DataFile file, char usual)
    {
        var separator = CsvSeparator.Of(file, usual);
        var bare = usual == '\t' && separator.Letter == '\t';
        using StreamReader reader =
            new(file.OpenText(), new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: false, 1 << 16);
        // Told to look for a mark, the reader would take another encoder with it, which lets wrong bytes pass.
        SkipMark(file, reader);
        var reached = 1L;
        using RowLimit limit = new(reader, LongestRow,
            () => Wrong(file, reached,
                $"the row that begins here is longer than {LongestRow >> 20} million letters. Is a quote missing its end, or is the file "
                    + "no table"));
        using CsvParser parser = new(limit, new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            Delimiter = separator.Letter.ToString(),
            Mode = bare ? CsvMode.NoEscape : CsvMode.RFC4180,
            BadDataFound = bad => throw BadQuote(file, bad.Context.Parser!.RawRow, bad.RawRecord, bad.Field),
        });
        var carriageReturns = 0;
        if (separator.IsDeclared)
        {
            Next(file, parser, 1, ref carriageReturns);
        }
        var (header, start) =
            Next(file, parser, 1, ref carriageReturns) ?? throw Wrong(file, 1, "the file is empty. Its first row names the columns");
        limit.Next();
        if (header.Length > TableRows.MostColumns)
        {
            throw Wrong(file, start, $"the header names {header.Length} columns; {TableRows.MostColumns} are read at most");
        }
        header = [.. header.Select(name => name.Trim())];
        var unnamed = header.Count(string.IsNullOrEmpty) > 1;
        if (header.GroupBy(name => name, StringComparer.Ordinal)
            .FirstOrDefault(group => group.Count() > 1 && !(unnamed && group.Key.Length == 0)) is { } twice)
        {
            throw Wrong(file, start, $"two columns are named '{twice.Key}'");
        }
        var empty = 0L;
        for (var row =
            0L; Next(file, parser, reached = parser.RawRow + 1 - carriageReturns, ref carriageReturns) is var (fields, line); row++)
        {
            limit.Next();
            if (fields.Length != header.Length)
            {
                throw Wrong(file, line,
                    $"row {row} has {fields.Length} fields, but the header has {header.Length}. A text with "
                        + (bare ? "a tab or a line break can't be written in this form"
                            : $"a {Name(separator.Letter)}, quote or line break is written in quotes"));
            }
            if (header.Length > 1 && Array.TrueForAll(fields, string.IsNullOrWhiteSpace))
            {
                empty++;
                continue;
            }
            yield return new(new(file.Name, row, line), header.Zip(fields).Where(cell => !unnamed || cell.First.Length > 0)
                .ToDictionary(cell => cell.First, cell => cell.Second, StringComparer.Ordinal));
        }
        if (empty > 0)
        {
            file.Tell(string.Create(CultureInfo.InvariantCulture, $"{file.Name}: {empty:N0} rows without any text were passed over."));
        }
    }

    private static string Name(char separator) =>
        separator switch { ',' => "comma", ';' => "semicolon", '\t' => "tab", _ => $"{separator}" };

    private static void SkipMark(DataFile file, StreamReader reader)
    {
        try
        {
            if (reader.Peek() == '\uFEFF')
            {
                reader.Read();
            }
        }
        catch (DecoderFallbackException e)
        {
            throw NotUtf8(file, 1, e);
        }
    }

    /// <param name="line">Where the row before it ended; for what goes wrong while reading.</param>
    /// <param name="carriageReturns">Those that stand alone in a field: the parser takes each for a line, an editor doesn't.</param>
    private static (string[] Fields, long Line)? Next(DataFile file, CsvParser parser, long line, ref int carriageReturns)
    {
        try
        {
            if (!parser.Read())
            {
                return null;
            }
            var fields = parser.Record!;
            var text = parser.RawRecord.AsSpan().Trim("\r\n");
            // The parser's row is the last line of the record, which may stand after blank lines and hold line breaks itself.
            carriageReturns += text.Count('\r') - text.Count("\r\n");
            line = parser.RawRow - text.Count('\n') - carriageReturns;
            return (fields, line);
        }
        catch (DecoderFallbackException e)
        {
            throw NotUtf8(file, line, e);
        }
        catch (CsvHelperException e) when (e.InnerException is StageException wrong)
        {
            throw wrong;
        }
        catch (CsvHelperException e)
        {
            throw new StageException($"{file.Name}:{line}: {e.Message.Split('\n')[0].Trim()} Is a quote missing its end?", inner: e);
        }
    }

    /// <summary>The reader is ahead of the row; reading line by line finds the place, and says it.</summary>
    private static StageException NotUtf8(DataFile file, long line, DecoderFallbackException e) =>
        new($"{file.Name}:{line + file.Lines().Count()}: not UTF-8. Convert the file, for example with iconv -f GB18030 -t UTF-8.",
            inner: e);

    private static StageException BadQuote(DataFile file, long lastLine, string record, string field)
    {
        // A quote that isn't closed takes in the file to its end, the last line break too.
        var open = field.StartsWith('"') && record.Count('"') % 2 == 1;
        var text = open ? record.TrimStart('\r', '\n') : record.Trim('\r', '\n');
        return Wrong(file, lastLine - text.Count('\n'), open ? "a quote in the row that begins here is never closed"
            : "a quote stands inside a field that doesn't start with one, or text after a closing one. Write the field in quotes, and "
                + "each quote in it twice");
    }

    private static StageException Wrong(DataFile file, long line, string words) => new($"{file.Name}:{line}: {words}.");
}
