using System.Globalization;
using System.Numerics;
using System.Text;

namespace LoraAspire.Evaluator.Metrics;

/// <summary>
/// Texts as Python sees them, which sacrebleu's scores hang on: split at its white space, put into its lower case, numbers rounded as its
/// format does. A surrogate without its partner is a code point of its own, as there.
/// </summary>
internal static class PythonText
{
    private const int CapitalSigma = 0x3A3, FinalSigma = 0x3C2, Sigma = 0x3C3, CapitalDottedI = 0x130;

    /// <summary>str.isspace: .NET's white space and the four separators U+001C to U+001F.</summary>
    public static bool IsSpace(char letter) => letter is >= '\x1c' and <= '\x1f' || char.IsWhiteSpace(letter);

    public static List<string> Split(string text)
    {
        List<string> words = [];
        var start = -1;
        for (var i = 0; i <= text.Length; i++)
        {
            var space = i == text.Length || IsSpace(text[i]);
            if (!space && start < 0)
            {
                start = i;
            }
            else if (space && start >= 0)
            {
                words.Add(text[start..i]);
                start = -1;
            }
        }
        return words;
    }

    public static string TrimEnd(string text)
    {
        var end = text.Length;
        while (end > 0 && IsSpace(text[end - 1]))
        {
            end--;
        }
        return text[..end];
    }

    public static string Trim(string text)
    {
        var start = 0;
        while (start < text.Length && IsSpace(text[start]))
        {
            start++;
        }
        return TrimEnd(text[start..]);
    }

    public static List<int> CodePoints(string text, bool skipSpace = false)
    {
        List<int> points = new(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                points.Add(char.ConvertToUtf32(text[i], text[++i]));
            }
            else if (!skipSpace || !IsSpace(text[i]))
            {
                points.Add(text[i]);
            }
        }
        return points;
    }

    /// <summary>Whether the code point, of which there may be one of two chars, is the whole text.</summary>
    public static bool IsOneCodePoint(string text) => text.Length == 1 || text.Length == 2 && char.IsSurrogatePair(text, 0);

    /// <summary>
    /// str.lower: each code point's own small letter, İ as i with a dot above it, and a capital sigma that ends a word as ς.
    /// </summary>
    public static string Lower(string text)
    {
        if (Ascii.IsValid(text))
        {
            return text.ToLowerInvariant();
        }
        var points = CodePoints(text);
        StringBuilder lower = new(text.Length);
        for (var i = 0; i < points.Count; i++)
        {
            switch (points[i])
            {
                case CapitalDottedI:
                    lower.Append("i\u0307");
                    break;
                case CapitalSigma:
                    lower.Append((char)(EndsWord(points, i) ? FinalSigma : Sigma));
                    break;
                case var point when Rune.IsValid(point):
                    lower.Append(Rune.ToLowerInvariant(new Rune(point)).ToString());
                    break;
                default:
                    lower.Append((char)points[i]);
                    break;
            }
        }
        return lower.ToString();
    }

    /// <summary>Format "f" with so many digits: a tie goes to the even digit, where .NET's goes away from zero.</summary>
    public static string Fixed(double value, int digits)
    {
        // Half of a last digit is a multiple of 2^-(digits + 1), and such a number is exact: value = odd / 2^(digits + 1).
        var halves = value * (1 << (digits + 1));
        if (Math.Abs(halves) < 1L << 40 && halves == Math.Floor(halves) && (long)halves % 2 != 0)
        {
            var unit = BigInteger.Pow(5, digits);
            var twice = new BigInteger(halves) * unit;
            var down = (twice - 1) / 2;
            var even = down.IsEven ? down : down + 1;
            return (double.CopySign((double)BigInteger.Abs(even), value) / Math.Pow(10, digits))
                .ToString($"F{digits}", CultureInfo.InvariantCulture);
        }
        return value.ToString($"F{digits}", CultureInfo.InvariantCulture);
    }

    /// <summary>A letter stands before it, none after it; what has no case of its own is looked over.</summary>
    private static bool EndsWord(List<int> points, int at)
    {
        var before = at - 1;
        while (before >= 0 && LetterCase.IsIgnorable(points[before]))
        {
            before--;
        }
        var after = at + 1;
        while (after < points.Count && LetterCase.IsIgnorable(points[after]))
        {
            after++;
        }
        return before >= 0 && LetterCase.IsCased(points[before]) && !(after < points.Count && LetterCase.IsCased(points[after]));
    }
}
