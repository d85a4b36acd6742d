using System.Globalization;

namespace LoraAspire.Model.Generation.Constraints.Patterns;

/// <summary>Single characters of a pattern: letters, escapes and sets in brackets.</summary>
internal static class PatternClass
{
    /// <param name="at">At the opening bracket; then after the closing one.</param>
    public static CodePoints Parse(string pattern, ref int at, Func<string, ConstraintException> refused)
    {
        at++;
        var negated = at < pattern.Length && pattern[at] == '^';
        at += negated ? 1 : 0;
        var set = CodePoints.Of();
        while (at < pattern.Length && pattern[at] != ']')
        {
            var first = Member(pattern, ref at, refused);
            if (at + 1 < pattern.Length && pattern[at] == '-' && pattern[at + 1] != ']')
            {
                at++;
                var last = Member(pattern, ref at, refused);
                if (Single(first) is not { } from || Single(last) is not { } to || from > to)
                {
                    throw refused("a range in brackets isn't one");
                }
                first = CodePoints.Of((from, to));
            }
            set = set.Or(first);
        }
        if (at == pattern.Length)
        {
            throw refused("a '[' isn't closed");
        }
        at++;
        set = negated ? set.Not() : set;
        return set.Ranges.Count > 0 ? set : throw refused("a set in brackets has no letters");
    }

    private static int? Single(CodePoints set) => set.Ranges is [var range] && range.First == range.Last ? range.First : null;

    private static CodePoints Member(string pattern, ref int at, Func<string, ConstraintException> refused) =>
        pattern[at] != '\\' ? CodePoints.Of(Letter(pattern, ref at, refused))
            : at + 1 < pattern.Length && pattern[at + 1] == 'b' ? At(ref at, 2, CodePoints.Of('\b'))
            : Escape(pattern, ref at, refused);

    /// <summary>A letter that stands for itself.</summary>
    public static int Letter(string pattern, ref int at, Func<string, ConstraintException> refused)
    {
        if (!char.IsSurrogate(pattern[at]))
        {
            return pattern[at++];
        }
        return at + 1 < pattern.Length && char.IsSurrogatePair(pattern[at], pattern[at + 1])
            ? At(ref at, 2, char.ConvertToUtf32(pattern[at], pattern[at + 1])) : throw refused("half a surrogate pair stands in it");
    }

    /// <param name="at">At the backslash; then after the escape.</param>
    public static CodePoints Escape(string pattern, ref int at, Func<string, ConstraintException> refused)
    {
        if (at + 1 == pattern.Length)
        {
            throw refused("a '\\' stands at the end");
        }
        var letter = pattern[at + 1];
        if (PatternSets.Of(letter) is { } set)
        {
            return At(ref at, 2, set);
        }
        switch (letter)
        {
            case 't': return At(ref at, 2, CodePoints.Of('\t'));
            case 'n': return At(ref at, 2, CodePoints.Of('\n'));
            case 'v': return At(ref at, 2, CodePoints.Of('\v'));
            case 'f': return At(ref at, 2, CodePoints.Of('\f'));
            case 'r': return At(ref at, 2, CodePoints.Of('\r'));
            case 'x': return CodePoints.Of(Hex(pattern, ref at, 2, refused));
            case 'u':
                var value = Hex(pattern, ref at, 4, refused);
                if (char.IsHighSurrogate((char)value) && at + 1 < pattern.Length && pattern[at] == '\\' && pattern[at + 1] == 'u')
                {
                    var low = Hex(pattern, ref at, 4, refused);
                    return char.IsLowSurrogate((char)low) ? CodePoints.Of(char.ConvertToUtf32((char)value, (char)low))
                        : throw refused("half a surrogate pair stands in it");
                }
                return char.IsSurrogate((char)value) ? throw refused("half a surrogate pair stands in it") : CodePoints.Of(value);
            default:
                return char.IsAsciiLetterOrDigit(letter) || !char.IsAscii(letter)
                    ? throw refused($"'\\{letter}' isn't supported") : At(ref at, 2, CodePoints.Of(letter));
        }
    }

    private static int Hex(string pattern, ref int at, int digits, Func<string, ConstraintException> refused) =>
        at + 2 + digits <= pattern.Length && int.TryParse(pattern.AsSpan(at + 2, digits), NumberStyles.AllowHexSpecifier,
            CultureInfo.InvariantCulture, out var value) ? At(ref at, 2 + digits, value)
            : throw refused($"'\\{pattern[at + 1]}' takes {digits} hexadecimal digits");

    /// <summary>The value, and the place moved on.</summary>
    private static T At<T>(ref int at, int letters, T value)
    {
        at += letters;
        return value;
    }
}
