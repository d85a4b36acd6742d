using System.Globalization;
using System.Text;

namespace LoraAspire.Evaluator.Metrics;

/// <summary>Words for scores that have no tokeniser of their own.</summary>
internal static class PlainWords
{
    /// <summary>Runs of letters and digits in lower case; characters of scripts that write no spaces one by one.</summary>
    public static List<string> Of(string text)
    {
        List<string> words = [];
        StringBuilder word = new();
        foreach (var rune in PythonText.Lower(text).EnumerateRunes())
        {
            var mark = Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;
            if (!Rune.IsLetterOrDigit(rune) && !mark || WritesNoSpaces(rune))
            {
                End(words, word);
            }
            if (WritesNoSpaces(rune))
            {
                words.Add(rune.ToString());
            }
            else if (Rune.IsLetterOrDigit(rune) || mark)
            {
                word.Append(rune.ToString());
            }
        }
        End(words, word);
        return words;
    }

    /// <summary>A word as it is, but for characters of scripts that write no spaces, which stand alone.</summary>
    public static IEnumerable<string> Split(string word)
    {
        List<string> parts = [];
        StringBuilder part = new();
        foreach (var rune in word.EnumerateRunes())
        {
            if (WritesNoSpaces(rune))
            {
                End(parts, part);
                parts.Add(rune.ToString());
            }
            else
            {
                part.Append(rune.ToString());
            }
        }
        End(parts, part);
        return parts;
    }

    public static string Label(string text)
    {
        var whole = string.Concat(text.EnumerateRunes().Select(rune => rune.ToString())); // half a surrogate pair can't be normalised
        var words = PythonText.Split(PythonText.Lower(whole.Normalize(NormalizationForm.FormKC)));
        var label = string.Join(' ', words).AsSpan();
        while (label.Length > 0 && !IsOfLabel(label[0]))
        {
            label = label[1..];
        }
        while (label.Length > 0 && !IsOfLabel(label[^1]))
        {
            label = label[..^1];
        }
        return label.Length > 0 ? label.ToString() : string.Join(' ', words);
    }

    /// <summary>+, -, % and the like can be a label or end one; quotes, brackets and full stops don't.</summary>
    private static bool IsOfLabel(char letter) =>
        !char.IsWhiteSpace(letter) && (!char.IsPunctuation(letter) || letter is '-' or '%' or '#');

    private static void End(List<string> words, StringBuilder word)
    {
        if (word.Length > 0)
        {
            words.Add(word.ToString());
            word.Clear();
        }
    }

    /// <summary>Han, kana, Thai, Lao, Myanmar and Khmer.</summary>
    private static bool WritesNoSpaces(Rune rune) => rune.Value is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF)
        or (>= 0x3041 and <= 0x30FF and not 0x30FB) or (>= 0x31F0 and <= 0x31FF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x20000 and <= 0x3FFFF)
        or 0x3005 or 0x3007 or (>= 0x0E01 and <= 0x0EDF) or (>= 0x1000 and <= 0x109F) or (>= 0x1780 and <= 0x17DD);
}
