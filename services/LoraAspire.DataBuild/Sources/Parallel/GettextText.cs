using System.Text;

namespace LoraAspire.DataBuild.Sources.Parallel;

/// <summary>
/// The texts in double quotes of a line of a .po file, with C's escapes, as msgfmt reads them. An octal or hexadecimal escape is a byte of
/// UTF-8.
/// </summary>
internal static class GettextText
{
    /// <summary>False where no text begins, one has no end, or something else stands between two.</summary>
    public static bool TryAppend(ReadOnlySpan<char> line, StringBuilder into)
    {
        List<byte> bytes = [];
        var inside = false;
        var any = false;
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == '"')
            {
                (inside, any) = (!inside, true);
            }
            else if (!inside)
            {
                if (!char.IsWhiteSpace(line[i]))
                {
                    return false;
                }
            }
            else if (line[i] == '\\' && i + 1 < line.Length)
            {
                i += Escape(line[(i + 1)..], bytes, into);
            }
            else
            {
                Flush(bytes, into);
                into.Append(line[i]);
            }
        }
        Flush(bytes, into);
        return any && !inside;
    }

    /// <summary>How many letters the escape has behind its backslash.</summary>
    private static int Escape(ReadOnlySpan<char> text, List<byte> bytes, StringBuilder into)
    {
        if (Digits(text, "01234567", 3) is > 0 and var octal)
        {
            bytes.Add((byte)Convert.ToInt32(text[..octal].ToString(), 8));
            return octal;
        }
        if (text[0] == 'x' && Digits(text[1..], "0123456789abcdefABCDEF", 2) is > 0 and var hexadecimal)
        {
            bytes.Add(Convert.ToByte(text.Slice(1, hexadecimal).ToString(), 16));
            return 1 + hexadecimal;
        }
        Flush(bytes, into);
        into.Append(text[0] switch
        {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\a',
            'b' => '\b',
            'f' => '\f',
            'v' => '\v',
            var other =>
            other
        });
        return 1;
    }

    private static void Flush(List<byte> bytes, StringBuilder into)
    {
        if (bytes.Count > 0)
        {
            into.Append(Encoding.UTF8.GetString([.. bytes]));
            bytes.Clear();
        }
    }

    private static int Digits(ReadOnlySpan<char> text, string digits, int most)
    {
        var other = text.IndexOfAnyExcept(digits);
        return Math.Min(most, other < 0 ? text.Length : other);
    }
}
