using System.Globalization;
using System.Text;

namespace LoraAspire.Evaluator.Metrics;

/// <summary>How BLEU cuts a text into words; the names are sacrebleu's.</summary>
public enum BleuTokenizer
{
    /// <summary>"13a": mteval-v13a's, for western languages.</summary>
    Mteval13a,

    /// <summary>"zh": each Chinese character a word, the rest as mteval-v13a.</summary>
    Zh,

    /// <summary>"intl": mteval-v14's, by Unicode's punctuation and symbols.</summary>
    Intl,

    /// <summary>"char": each code point but white space.</summary>
    Char,

    /// <summary>"none": at white space.</summary>
    None,
}

internal static class BleuTokenizers
{
    /// <summary>
    /// What counts as Chinese for "zh". Two of sacrebleu's ranges are meant for planes beyond the first and, as it writes them, take
    /// U+2001 to U+2A6D and U+2F81 to U+2FA1, and nothing of those planes: its scores hang on that, so it is the same here.
    /// </summary>
    private static readonly (char First, char Last)[] s_chinese =
    [
        ('\u3400', '\u4db5'), ('\u4e00', '\u9fbb'), ('\uf900', '\ufa2d'), ('\ufa30', '\ufa6a'), ('\ufa70', '\ufad9'),
        ('\u2001', '\u2a6d'), ('\u2f81', '\u2fa1'), ('\uff00', '\uffef'), ('\u2e80', '\u2eff'), ('\u3000', '\u303f'),
        ('\u31c0', '\u31ef'), ('\u2f00', '\u2fdf'), ('\u2ff0', '\u2fff'), ('\u3100', '\u312f'), ('\u31a0', '\u31bf'),
        ('\ufe10', '\ufe1f'), ('\ufe30', '\ufe4f'), ('\u3200', '\u33ff'),
    ];

    public static string Name(this BleuTokenizer tokenizer) => tokenizer switch
    {
        BleuTokenizer.Mteval13a => "13a",
        BleuTokenizer.Zh => "zh",
        BleuTokenizer.Intl => "intl",
        BleuTokenizer.Char => "char",
        _ => "none",
    };

    public static BleuTokenizer Of(string name) => Enum.GetValues<BleuTokenizer>().Where(one => one.Name() == name).ToList() is [var found]
        ? found : throw new ArgumentException($"BLEU knows the tokenisers 13a, zh, intl, char and none, not {name}.");

    /// <summary>The words of a text; white space at its end is cut first.</summary>
    public static List<string> Words(this BleuTokenizer tokenizer, string text)
    {
        text = PythonText.TrimEnd(text);
        return tokenizer switch
        {
            BleuTokenizer.Mteval13a => PythonText.Split(PairRules.Western($" {WithoutMarkup(text)} ")),
            BleuTokenizer.Zh => PythonText.Split(PairRules.Western(PairRules.Apart(PythonText.Trim(text), IsChinese))),
            BleuTokenizer.Intl => PythonText.Split(International(text)),
            BleuTokenizer.Char => [.. PythonText.CodePoints(text, skipSpace: true).Select(Text)],
            _ => PythonText.Split(text),
        };
    }

    private static string WithoutMarkup(string text)
    {
        text = text.Replace("<skipped>", "", StringComparison.Ordinal).Replace("-\n", "", StringComparison.Ordinal).Replace('\n', ' ');
        return text.Contains('&') ? WithoutEntities(text) : text;
    }

    /// <summary>One entity after the other, so that &amp;amp;lt; ends as a bracket.</summary>
    public static string WithoutEntities(string text) => text.Replace("&quot;", "\"", StringComparison.Ordinal)
        .Replace("&amp;", "&", StringComparison.Ordinal).Replace("&lt;", "<", StringComparison.Ordinal)
        .Replace("&gt;", ">", StringComparison.Ordinal);

    private static bool IsChinese(char letter) =>
        letter > '\u2000' && Array.Exists(s_chinese, range => range.First <= letter && letter <= range.Last);

    /// <summary>Punctuation apart from a neighbour that is no number, then symbols.</summary>
    private static string International(string text)
    {
        var points = PythonText.CodePoints(text);
        points = Pairs(points, point => !IsNumber(point), IsPunctuation, spaceBefore: false);
        points = Pairs(points, IsPunctuation, point => !IsNumber(point), spaceBefore: true);
        StringBuilder apart = new(points.Count + 16);
        foreach (var point in points)
        {
            var space = IsSymbol(point) ? " " : "";
            apart.Append(space).Append(Text(point)).Append(space);
        }
        return apart.ToString();
    }

    private static List<int> Pairs(List<int> points, Func<int, bool> left, Func<int, bool> right, bool spaceBefore)
    {
        List<int> apart = new(points.Count + 16);
        for (var i = 0; i < points.Count; i++)
        {
            if (i + 1 < points.Count && left(points[i]) && right(points[i + 1]))
            {
                apart.AddRange(spaceBefore ? [' ', points[i], ' ', points[++i]] : [points[i], ' ', points[++i], ' ']);
            }
            else
            {
                apart.Add(points[i]);
            }
        }
        return apart;
    }

    private static string Text(int point) => point <= char.MaxValue ? ((char)point).ToString() : char.ConvertFromUtf32(point);

    private static bool IsNumber(int point) => CharUnicodeInfo.GetUnicodeCategory(point)
        is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    private static bool IsPunctuation(int point) => CharUnicodeInfo.GetUnicodeCategory(point)
        is >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation;

    private static bool IsSymbol(int point) => CharUnicodeInfo.GetUnicodeCategory(point)
        is >= UnicodeCategory.MathSymbol and <= UnicodeCategory.OtherSymbol;
}
