using System.Globalization;
using System.Text;

namespace LoraAspire.Model.Data;

/// <summary>
/// Text of a data set as it may be shown: what a screen would obey or hide is spelled out, such as escape sequences and marks that turn the
/// writing round.
/// </summary>
public static class VisibleText
{
    /// <summary>A screen shows nothing of it, or only that a word may break there.</summary>
    internal static bool IsWidthless(char letter) =>
        letter is '\u00AD' or (>= '\u200B' and <= '\u200F') or (>= '\u2060' and <= '\u2064') or '\uFEFF';

    /// <summary>Line breaks, tabs and spaces stay as they are.</summary>
    public static string Safe(string text) => Spell(text, rune => rune.Value is '\n' or '\t' ? rune.ToString() : null);

    /// <summary>For one token: a space is ␣, a line break ↵, a tab ⇥.</summary>
    public static string Marked(string text) => Spell(text, rune => rune.Value switch { ' ' => "␣", '\n' => "↵", '\t' => "⇥", _ => null });

    private static string Spell(string text, Func<Rune, string?> own)
    {
        StringBuilder shown = new(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            shown.Append(own(rune) ?? (rune.Value switch
            {
                < 0x20 => ((char)(0x2400 + rune.Value)).ToString(),
                0x7F => "␡",
                // They join letters and emoji; without them the text would look another.
                0x200C or 0x200D or (>= 0xE0020 and <= 0xE007F) => rune.ToString(),
                _ => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                    or UnicodeCategory.ParagraphSeparator
                    ? $"⟨U+{rune.Value:X4}⟩" : rune.ToString(),
            }));
        }
        return shown.ToString();
    }
}
