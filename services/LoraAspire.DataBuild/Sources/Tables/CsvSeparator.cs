using System.Text;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>
/// What stands between a table's columns. The file's name says comma (.csv) or tab (.tsv); Excel writes a semicolon where the comma is for
/// decimals, and other programs tabs whatever the name. It is another one only where the header holds no field by that of the name.
/// </summary>
/// <param name="IsDeclared">The first line is Excel's own <c>sep=;</c>, no header.</param>
internal readonly record struct CsvSeparator(char Letter, bool IsDeclared = false)
{
    private const int LongestHeader = 1 << 16;

    private const string Known = ";\t,|";

    public static CsvSeparator Of(DataFile file, char usual)
    {
        var header = Header(file with { Meter = null, Tell = _ => { } });
        if (header is ['s' or 'S', 'e' or 'E', 'p' or 'P', '=', var told] && Known.Contains(told))
        {
            return Say(file, new(told, IsDeclared: true), usual);
        }
        if (Fields(header, usual) > 1)
        {
            return new(usual);
        }
        var most = Known.MaxBy(letter => Fields(header, letter));
        return Fields(header, most) > 1 ? Say(file, new(most), usual) : new(usual);
    }

    public static string Word(char letter) => letter == '\t' ? "tabs" : letter.ToString();

    private static CsvSeparator Say(DataFile file, CsvSeparator found, char usual)
    {
        if (found.Letter != usual)
        {
            file.Tell($"{file.Name}: its columns are separated by {Word(found.Letter)} and not by {Word(usual)}; it was read as that.");
        }
        return found;
    }

    /// <summary>The first line that isn't blank, less its beginning's mark; what isn't UTF-8 is found by the reader of rows.</summary>
    private static string Header(DataFile file)
    {
        using StreamReader reader = new(file.OpenText(), Encoding.UTF8, detectEncodingFromByteOrderMarks: false);
        StringBuilder line = new();
        try
        {
            for (int letter; line.Length < LongestHeader && (letter = reader.Read()) >= 0;)
            {
                if (letter is not ('\r' or '\n'))
                {
                    line.Append((char)letter);
                }
                else if (line.Length > 0)
                {
                    break;
                }
            }
        }
        catch (DecoderFallbackException)
        {
            // Half a character of UTF-16: the reader of rows says so with its place.
        }
        return line.ToString().TrimStart('\uFEFF');
    }

    private static int Fields(string header, char separator)
    {
        var (fields, quoted) = (1, false);
        foreach (var letter in header)
        {
            quoted ^= letter == '"';
            fields += letter == separator && !quoted ? 1 : 0;
        }
        return fields;
    }
}
