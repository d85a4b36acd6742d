using System.Text;

namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Python's upper(), lower(), title(), capitalize() and swapcase(): Unicode's full mappings, of which .NET has the simple
/// ones.</summary>
internal static class CaseMapping
{
    /// <summary>Letters whose upper case is several letters, or one that .NET leaves out; each with what it becomes.</summary>
    private static readonly Dictionary<int, string> Upper = Table(
        "ßSS ŉʼN ǰJ̌ ΐΪ́ ΰΫ́ ևԵՒ ẖH̱ ẗT̈ ẘW̊ ẙY̊ ẚAʾ ﬀFF ﬁFI ﬂFL ﬃFFI ﬄFFL ﬅST ﬆST ﬓՄՆ ﬔՄԵ ﬕՄԻ ﬖՎՆ ﬗՄԽ ıI ſS");

    private static readonly Dictionary<int, string> Title = Table(
        "ßSs ŉʼN ǰJ̌ ΐΪ́ ΰΫ́ ևԵւ ẖH̱ ẗT̈ ẘW̊ ẙY̊ ẚAʾ ﬀFf ﬁFi ﬂFl ﬃFfi ﬄFfl ﬅSt ﬆSt ﬓՄն ﬔՄե ﬕՄի ﬖՎն ﬗՄխ ıI ſS Ǆǅ ǅǅ ǆǅ Ǉǈ ǈǈ ǉǈ Ǌǋ ǋǋ ǌǋ "
            + "Ǳǲ ǲǲ ǳǲ");

    public static Text ToUpper(Text text, Work work) => Map(text, work, (at, code) => Raise(code, Upper));

    public static Text ToLower(Text text, Work work) => Map(text, work, (at, code) => Lower(text.Value, at, code));

    /// <summary>The first letter as in a title, the rest small.</summary>
    public static Text Capitalize(Text text, Work work) => Map(text, work, (at, code) => at == 0 ? Raise(code, Title) : Lower(text.Value,
        at, code));

    /// <summary>str.title: every letter that follows none begins a word.</summary>
    public static Text ToTitle(Text text, Work work)
    {
        var inWord = false;
        return Map(text, work, (at, code) =>
        {
            var mapped = inWord ? Lower(text.Value, at, code) : Raise(code, Title);
            inWord = IsCased(code);
            return mapped;
        });
    }

    /// <summary>jinja2's filter title: words begin after white space, hyphens and opening brackets.</summary>
    public static Text FilterTitle(Text text, Work work)
    {
        var inWord = false;
        return Map(text, work, (at, code) =>
        {
            var mapped = inWord ? Lower(text.Value, at, code) : Raise(code, Upper);
            inWord = !(code < 0x10000 && (Text.IsSpace((char)code) || code is '-' or '(' or '{' or '[' or '<'));
            return mapped;
        });
    }

    public static Text SwapCase(Text text, Work work) =>
        Map(text, work, (at, code) => Lower(text.Value, at, code) is var low && low != Letters(code) ? low : Raise(code, Upper));

    private static readonly string[] Ascii = [.. Enumerable.Range(0, 128).Select(code => ((char)code).ToString())];

    private static bool IsCased(int code) => code is not (>= 0xd800 and <= 0xdfff)
        && (Rune.IsUpper(new(code)) || Rune.IsLower(new(code))
            || Rune.GetUnicodeCategory(new(code)) == System.Globalization.UnicodeCategory.TitlecaseLetter
            || Letters(code) != Raise(code, Upper) || code is 'ª' or 'º');

    private static string Raise(int code, Dictionary<int, string> special) => code < 128 ? Ascii[char.ToUpperInvariant((char)code)]
        : special.TryGetValue(code, out var mapped) ? mapped
        : code is >= 0xd800 and <= 0xdfff ? Letters(code) : Rune.ToUpperInvariant(new(code)).ToString();

    private static string Lower(string value, int at, int code) => code switch
    {
        < 128 => Ascii[char.ToLowerInvariant((char)code)],
        'İ' => "i̇",
        'Σ' => EndsWord(value, at) ? "ς" : "σ",
        >= 0xd800 and <= 0xdfff => Letters(code),
        0x212a => "k",
        0x2126 => "ω",
        0x212b => "å",
        _ => Rune.ToLowerInvariant(new(code)).ToString(),
    };

    /// <summary>Whether a sigma is the last letter of a word.</summary>
    private static bool EndsWord(string value, int at)
    {
        static bool Skipped(char letter) => letter is '\'' or '.' or ':' or '·' or '’' or '\u00ad' || char.GetUnicodeCategory(letter)
            is System.Globalization.UnicodeCategory.NonSpacingMark or System.Globalization.UnicodeCategory.Format
                or System.Globalization.UnicodeCategory.ModifierLetter;
        var before = at - 1;
        while (before >= 0 && Skipped(value[before]))
        {
            before--;
        }
        var after = at + 1;
        while (after < value.Length && Skipped(value[after]))
        {
            after++;
        }
        return before >= 0 && IsCased(value[before]) && !(after < value.Length && IsCased(value[after]));
    }

    private static Text Map(Text text, Work work, Func<int, int, string> map)
    {
        work.Letters(text.Value.Length);
        work.Touch(text.Value.Length * 8L);
        TextBuilder mapped = new();
        foreach (var (start, _, origin) in text.CodePoints())
        {
            mapped.Append(map(start, Text.Code(text.Value, start)), origin);
        }
        return mapped.ToText(text.Markup);
    }

    private static string Letters(int code) => code < 0x10000 ? ((char)code).ToString() : char.ConvertFromUtf32(code);

    private static Dictionary<int, string> Table(string pairs) => pairs.Split(' ').ToDictionary(pair => (int)pair[0], pair => pair[1..]);
}
