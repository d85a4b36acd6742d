using System.Globalization;
using System.Text;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>The letters of a text in almost-JSON, as they stand inside a JSON string.</summary>
internal static class LooseLetters
{
    public static void Append(StringBuilder json, char letter) => _ = letter switch
    {
        '"' => json.Append("\\\""),
        '\\' => json.Append("\\\\"),
        '\n' => json.Append("\\n"),
        '\t' => json.Append("\\t"),
        < ' ' => json,
        _ => json.Append(letter),
    };

    /// <summary>Appends what the escape at <paramref name="at"/> means; a letter stands behind its backslash.</summary>
    /// <returns>How many letters it takes.</returns>
    public static int AppendEscape(StringBuilder json, string text, int at)
    {
        var letter = text[at + 1];
        if (letter == 'u' && at + 6 <= text.Length && ushort.TryParse(text.AsSpan(at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _))
        {
            json.Append(text, at, 6);
            return 6;
        }
        if ("\"\\/bfnrt".Contains(letter))
        {
            json.Append('\\').Append(letter);
        }
        else
        {
            // Of Python or Markdown; a letter or digit behind it makes it a backslash that is meant, as in a path.
            json.Append(char.IsAsciiLetterOrDigit(letter) ? "\\\\" : "");
            Append(json, letter);
        }
        return 2;
    }
}
