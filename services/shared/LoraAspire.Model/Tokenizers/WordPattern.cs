using System.Text;
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace LoraAspire.Model.Tokenizers;

/// <summary>
/// Cuts text into words by a tokenizer's regular expressions, each over the pieces that the one before left; what lies between matches is a piece too. The patterns speak
/// of characters, .NET's of UTF-16 units: a text with characters beyond U+FFFF is matched through a shadow in which each of them is one unit of the same class (letter,
/// number, other).
/// </summary>
internal sealed class WordPattern(params IEnumerable<string> patterns) : PreTokenizer
{
    private const char Letter = '\u4E00', Number = '\u0660', Other = '\uE000';

    private readonly Regex[] _patterns = [.. patterns.Select(pattern => new Regex(pattern, RegexOptions.Compiled | RegexOptions.CultureInvariant))];

    public override IEnumerable<(int Offset, int Length)> PreTokenize(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            return Pieces(text);
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
        return Pieces(shadow.ToString()).Select(piece => (starts[piece.Offset], starts[piece.Offset + piece.Length] - starts[piece.Offset]));
    }

    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text) => PreTokenize(text.ToString());

    private IEnumerable<(int Offset, int Length)> Pieces(string text) =>
        _patterns.Aggregate((IEnumerable<(int, int)>)[(0, text.Length)], (pieces, pattern) => pieces.SelectMany(piece => Split(pattern, text, piece)));

    /// <summary>The piece is matched as a text of its own: no look-ahead sees beyond it.</summary>
    private static IEnumerable<(int Offset, int Length)> Split(Regex pattern, string text, (int Offset, int Length) piece)
    {
        var (at, end) = (piece.Offset, piece.Offset + piece.Length);
        for (var match = pattern.Match(text, at, piece.Length); match.Success; match = match.NextMatch())
        {
            if (match.Index > at)
            {
                yield return (at, match.Index - at);
            }
            if (match.Length > 0)
            {
                yield return (match.Index, match.Length);
            }
            at = match.Index + match.Length;
        }
        if (at < end)
        {
            yield return (at, end - at);
        }
    }

    private static bool IsNumber(Rune rune) => Rune.GetUnicodeCategory(rune) is System.Globalization.UnicodeCategory.DecimalDigitNumber
        or System.Globalization.UnicodeCategory.LetterNumber or System.Globalization.UnicodeCategory.OtherNumber;
}
