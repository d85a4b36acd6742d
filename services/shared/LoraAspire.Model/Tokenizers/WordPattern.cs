using System.Text;
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace LoraAspire.Model.Tokenizers;

/// <summary>
/// Cuts text into words by a tokenizer's regular expression. The patterns speak of characters, .NET's of UTF-16 units: a text with characters beyond U+FFFF is matched
/// through a shadow in which each of them is one unit of the same class (letter, number, other).
/// </summary>
internal sealed class WordPattern(string pattern) : PreTokenizer
{
    private const char Letter = '\u4E00', Number = '\u0660', Other = '\uE000';

    private readonly Regex _regex = new(pattern, RegexOptions.Compiled | RegexOptions.CultureInvariant);

    public override IEnumerable<(int Offset, int Length)> PreTokenize(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            for (var match = _regex.Match(text); match.Success; match = match.NextMatch())
            {
                yield return (match.Index, match.Length);
            }
            yield break;
        }
        StringBuilder shadow = new(text.Length);
        List<int> starts = new(text.Length);
        var at = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            starts.Add(at);
            shadow.Append(rune.IsBmp ? (char)rune.Value : Rune.IsLetter(rune) ? Letter : IsNumber(rune) ? Number : Other);
            at += rune.Utf16SequenceLength;
        }
        starts.Add(at);
        for (var match = _regex.Match(shadow.ToString()); match.Success; match = match.NextMatch())
        {
            yield return (starts[match.Index], starts[match.Index + match.Length] - starts[match.Index]);
        }
    }

    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text) => PreTokenize(text.ToString());

    private static bool IsNumber(Rune rune) => Rune.GetUnicodeCategory(rune) is System.Globalization.UnicodeCategory.DecimalDigitNumber
        or System.Globalization.UnicodeCategory.LetterNumber or System.Globalization.UnicodeCategory.OtherNumber;
}
