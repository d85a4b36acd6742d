using System.Text;
using LoraAspire.Model.Data;

namespace LoraAspire.Model.Identity;

/// <summary>
/// The words that the user gave of the model, found as whole phrases: "Al" stands in no "also", and "GPT" neither in "GPT-4" nor in
/// "ChatGPT".
/// </summary>
/// <param name="developer">Empty where none is given; no text says it then.</param>
/// <param name="more">What else is the user's own: abilities, languages.</param>
internal sealed class GivenWords(string name, string developer, params IEnumerable<string> more)
{
    /// <summary>Stands for a given phrase in a masked text. No letter of any language.</summary>
    public const char Mark = '\uE000';

    private readonly string _name = Folded(name);
    private readonly string _developer = Folded(developer);

    // Longest first, since one may hold another.
    private readonly string[] _phrases = [.. new[] { name, developer }.Concat(more)
        .Select(Folded).Where(words => words.Length > 0).Distinct().OrderByDescending(words => words.Length)];

    public bool Name(string folded) => Find(folded, _name, 0) >= 0;

    public bool Developer(string folded) => Find(folded, _developer, 0) >= 0;

    /// <summary>The text with the mark in the place of each phrase.</summary>
    public string Masked(string folded) => _phrases.Aggregate(folded, (text, phrase) =>
    {
        StringBuilder masked = new();
        var from = 0;
        for (var at = Find(text, phrase, 0); at >= 0; at = Find(text, phrase, from))
        {
            masked.Append(text, from, at - from).Append(Mark);
            from = at + phrase.Length;
        }
        return masked.Append(text, from, text.Length - from).ToString();
    });

    /// <summary>
    /// The text with letters and digits in one width, straight apostrophes, plain hyphens and spaces, and nothing of no width: what looks
    /// the same is the same.
    /// </summary>
    public static string Folded(string text)
    {
        StringBuilder folded = new(text.Length);
        foreach (var letter in text.Where(letter => !VisibleText.IsWidthless(letter)))
        {
            folded.Append(letter switch
            {
                >= 'Ａ' and <= 'Ｚ' or >= 'ａ' and <= 'ｚ' or >= '０' and <= '９' => (char)(letter - '！' + '!'),
                '‘' or '’' or 'ʼ' or '＇' => '\'',
                '\u2010' or '\u2011' or '\u2012' or '－' => '-',
                '\u00A0' or '\u202F' => ' ',
                _ => letter,
            });
        }
        return folded.ToString();
    }

    private static int Find(string text, string phrase, int from)
    {
        if (phrase.Length == 0)
        {
            return -1;
        }
        while ((from = text.IndexOf(phrase, from, StringComparison.OrdinalIgnoreCase)) >= 0 && !Bordered(text, from, from + phrase.Length))
        {
            from++;
        }
        return from;
    }

    /// <summary>A phrase of Latin letters ends where its word does; a version behind it makes it another one's name.</summary>
    private static bool Bordered(string text, int start, int end) =>
        !(char.IsAsciiLetterOrDigit(text[start]) && start > 0 && char.IsAsciiLetterOrDigit(text[start - 1]))
        && !(char.IsAsciiLetterOrDigit(text[end - 1]) && end < text.Length
            && (char.IsAsciiLetterOrDigit(text[end])
                || (text[end] is '-' or '_' or '.' && end + 1 < text.Length && char.IsAsciiDigit(text[end + 1]))));
}
