using System.Globalization;
using System.Text;

namespace LoraAspire.Model.Generation.Constraints.Patterns;

/// <summary>Strings as they stand in JSON, in one spelling.</summary>
internal static class JsonText
{
    /// <summary>The escape of a character that can't stand for itself; null where it can.</summary>
    public static string? Escape(int value) => value switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\b' => "\\b",
        '\f' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        < ' ' => string.Create(CultureInfo.InvariantCulture, $"\\u{value:x4}"),
        _ => null,
    };

    /// <summary>With its quotes.</summary>
    public static byte[] Quoted(string text)
    {
        StringBuilder quoted = new("\"");
        foreach (var letter in text)
        {
            quoted.Append(Escape(letter) ?? letter.ToString());
        }
        return Encoding.UTF8.GetBytes(quoted.Append('"').ToString());
    }
}
