using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace LoraAspire.Model.Tokenizers;

/// <summary>
/// Cuts text into words by a tokenizer's regular expressions, each over the pieces that the one before left; what lies between matches is a
/// piece too. The patterns speak of characters, .NET's of UTF-16 units: a text with characters beyond U+FFFF is matched through a shadow in
/// which each of them is one unit of the same general category.
/// </summary>
internal sealed class WordPattern(params IEnumerable<string> patterns) : PreTokenizer
{
    private static readonly Dictionary<UnicodeCategory, char> Shadows = new()
    {
        [UnicodeCategory.UppercaseLetter] = '\u0410',
        [UnicodeCategory.LowercaseLetter] = '\u0430',
        [UnicodeCategory.TitlecaseLetter] = '\u01C5',
        [UnicodeCategory.ModifierLetter] = '\u02B0',
        [UnicodeCategory.OtherLetter] = '\u4E00',
        [UnicodeCategory.NonSpacingMark] = '\u0300',
        [UnicodeCategory.SpacingCombiningMark] = '\u0903',
        [UnicodeCategory.EnclosingMark] = '\u20DD',
        [UnicodeCategory.DecimalDigitNumber] = '\u0660',
        [UnicodeCategory.LetterNumber] = '\u2160',
        [UnicodeCategory.OtherNumber] = '\u00B2',
        [UnicodeCategory.ConnectorPunctuation] = '\u203F',
        [UnicodeCategory.DashPunctuation] = '\u2010',
        [UnicodeCategory.OpenPunctuation] = '\u2045',
        [UnicodeCategory.ClosePunctuation] = '\u2046',
        [UnicodeCategory.InitialQuotePunctuation] = '\u00AB',
        [UnicodeCategory.FinalQuotePunctuation] = '\u00BB',
        [UnicodeCategory.OtherPunctuation] = '\u00A7',
        [UnicodeCategory.MathSymbol] = '\u00D7',
        [UnicodeCategory.CurrencySymbol] = '\u00A3',
        [UnicodeCategory.ModifierSymbol] = '\u00A8',
        [UnicodeCategory.OtherSymbol] = '\u00A9',
        [UnicodeCategory.Format] = '\u00AD',
        [UnicodeCategory.PrivateUse] = '\uE000',
    };

    private const char Unassigned = '\u0378';

    /// <summary>
    /// A pattern comes out of a file, and some take time without end. It is the clock's time: on a busy machine a good one waits too.
    /// </summary>
    private static readonly TimeSpan LongestMatch = TimeSpan.FromSeconds(5);

    private readonly Regex[] _patterns =
        [.. patterns.Select(pattern => new Regex(pattern, RegexOptions.Compiled | RegexOptions.CultureInvariant, LongestMatch))];

    public IReadOnlyList<string> Patterns => [.. _patterns.Select(pattern => pattern.ToString())];

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
            shadow.Append(rune.IsBmp ? (char)rune.Value : Shadows.GetValueOrDefault(Rune.GetUnicodeCategory(rune), Unassigned));
            at += rune.Utf16SequenceLength;
        }
        starts.Add(at);
        return Pieces(shadow.ToString())
            .Select(piece => (starts[piece.Offset], starts[piece.Offset + piece.Length] - starts[piece.Offset]));
    }

    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text) => PreTokenize(text.ToString());

    private IEnumerable<(int Offset, int Length)> Pieces(string text) =>
        _patterns.Aggregate((IEnumerable<(int, int)>)[(0, text.Length)],
            (pieces, pattern) => pieces.SelectMany(piece => Split(pattern, text, piece)));

    /// <summary>The piece is matched as a text of its own: no look-ahead sees beyond it.</summary>
    private static IEnumerable<(int Offset, int Length)> Split(Regex pattern, string text, (int Offset, int Length) piece)
    {
        var (at, end) = (piece.Offset, piece.Offset + piece.Length);
        for (var match = Next(pattern, text, at, end - at, null); match.Success; match = Next(pattern, text, at, end - at, match))
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

    /// <exception cref="ModelException">It takes longer than any pattern that cuts words.</exception>
    private static Match Next(Regex pattern, string text, int start, int length, Match? before)
    {
        try
        {
            return before is null ? pattern.Match(text, start, length) : before.NextMatch();
        }
        catch (RegexMatchTimeoutException error)
        {
            throw new ModelException(
                $"The tokenizer cuts words by a pattern that takes longer than {LongestMatch.TotalSeconds:0} s over a "
                    + $"text: {pattern.ToString()[..Math.Min(pattern.ToString().Length, 60)]}… Choose another base, or copy its "
                    + "tokenizer again.", error);
        }
    }
}
