using System.Globalization;
using System.Text;
using LoraAspire.DataBuild.Records;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>
/// Keys and quoted texts in almost-JSON. Any quotes may open a text, in any mixture with those that close it, and quotes inside may lack
/// their backslash: whether a mark ends
/// the text is told by what follows it.
/// </summary>
/// <param name="end">Not looked at any further.</param>
internal sealed class LooseText(string text, int end)
{
    private const int LongestKey = 60;
    private const string Separators = ",，、;；";

    /// <summary>The object has keys without quotes, so that a word and a colon after a comma are one too.</summary>
    public bool BareKeys { get; set; }

    public static bool IsQuote(char letter) => letter is '"' or '“' or '”' or '„' or '＂' or '\'' or '‘' or '’' or '`' or '「' or '『';

    /// <summary>The key at a place, in any quotes or in none, and where its value may begin; null when no colon or such follows.</summary>
    /// <param name="bare">A word without quotes is one, too.</param>
    public static (string Name, int Value)? Key(string text, int at, bool bare)
    {
        var quoted = IsQuote(text[at]);
        var start = at + (quoted ? 1 : 0);
        var stop = start;
        while (stop < Math.Min(text.Length, start + LongestKey) && (quoted
            ? !IsQuote(text[stop]) && text[stop] is not ('」' or '』' or '\n')
            : char.IsLetterOrDigit(text[stop]) || text[stop] is '_' or '-'))
        {
            stop++;
        }
        if (stop >= text.Length || stop == start || !(quoted || bare))
        {
            return null;
        }
        var colon = Blanks.SkipWithComments(text, stop + (quoted ? 1 : 0));
        return colon >= text.Length || text[colon] is not (':' or '：' or '=') ? null
            : (text[start..stop], colon + (text.AsSpan(colon).StartsWith("=>") ? 2 : 1));
    }

    /// <summary>The text whose opening mark stands at <paramref name="at"/>, which is moved behind it; null when no mark ends it.</summary>
    /// <param name="opened">False where the opening mark is missing.</param>
    public string? Read(ref int at, bool inObject, bool opened = true)
    {
        StringBuilder said = new();
        var open = opened ? text[at] : '"';
        // Three marks are Python's for a text of several lines.
        var marks = !opened ? 0 : at + 3 < end && text[at + 1] == open && text[at + 2] == open ? 3 : 1;
        at += marks;
        if (!Inside(said, ref at, open, inObject))
        {
            return null;
        }
        said.Length -= marks == 3 && said.Length > 1 && said[^1] == '"' && said[^2] == '"' ? 2 : 0;
        // "a" + "b" is one text.
        while (Continues(Blanks.Skip(text, at), end) is { } next)
        {
            at = next + 1;
            if (!Inside(said, ref at, text[next], inObject))
            {
                return null;
            }
        }
        return said.ToString();
    }

    private bool Inside(StringBuilder said, ref int at, char open, bool inObject)
    {
        var inner = 0;
        (int At, int Length) brace = (-1, 0);
        while (at < end)
        {
            var letter = text[at];
            if (letter == '\\' && at + 1 < end)
            {
                at += Escape(said, at);
                continue;
            }
            if (Closes(open, letter))
            {
                // One mark too many may stand there; but where one of a pair is open, this one closes it.
                var marks = Ends(at + 1, inObject) ? 1
                    : inner % 2 == 0 && at + 1 < end && text[at + 1] == letter && Ends(at + 2, inObject) ? 2 : 0;
                at += marks;
                if (marks > 0)
                {
                    return true;
                }
                inner++;
            }
            else if (letter is '{' && StartsObject(at))
            {
                // The mark is missing: the next object begins within the text. It may be behind the brace that closes this one.
                (at, said.Length) = brace.At < 0 ? (end, said.Length) : brace;
                return brace.At >= 0;
            }
            brace = letter is '}' ? (at, said.Length) : Blanks.Is(letter) || Separators.Contains(letter) ? brace : (-1, 0);
            said.Append(letter, letter is '\n' or '\t' or >= ' ' ? 1 : 0);
            at++;
        }
        return false;
    }

    /// <summary>Appends what the escape means, and returns how many letters it takes.</summary>
    private int Escape(StringBuilder said, int at)
    {
        var letter = text[at + 1];
        if (letter == 'u' && at + 6 <= text.Length
            && ushort.TryParse(text.AsSpan(at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
        {
            said.Append((char)code);
            return 6;
        }
        var known = "bfnrt".IndexOf(letter);
        // Of Python or Markdown; a letter or digit behind it makes it a backslash that is meant, as in a path.
        said.Append('\\', known < 0 && char.IsAsciiLetterOrDigit(letter) ? 1 : 0).Append(known < 0 ? letter : "\b\f\n\r\t"[known]);
        return 2;
    }

    private static bool Closes(char open, char letter) => open switch
    {
        '「' => letter is '」',
        '『' => letter is '』',
        '\'' or '‘' or '’' => letter is '\'' or '’' or '‘',
        '`' => letter is '`',
        _ => letter is '"' or '“' or '”' or '＂',
    };

    private bool Ends(int at, bool inObject)
    {
        at = Blanks.SkipWithComments(text, at);
        if (at >= text.Length)
        {
            return true;
        }
        if (Separators.Contains(text[at]))
        {
            var next = Blanks.SkipWithComments(text, at + 1);
            return next >= text.Length || text[next] is '}' or '｝' or ']' || StartsObject(next)
                || (inObject ? Key(text, next, BareKeys) is not null : IsQuote(text[next]) || text[next] == '[');
        }
        return text[at] switch
        {
            '}' or '｝' => at + 1 >= text.Length || !IsQuote(text[at + 1]),
            ']' => true,
            '{' => StartsObject(at),
            '+' => Continues(at, text.Length) is not null,
            _ => inObject && Key(text, at, BareKeys) is not null,
        };
    }

    /// <summary>Whether an object with a quoted key begins here.</summary>
    private bool StartsObject(int at) =>
        text[at] == '{' && Blanks.Skip(text, at + 1) is var key && key < end && IsQuote(text[key]) && Key(text, key, BareKeys) is not null;

    /// <summary>Where the text begins that a plus adds to the one before it, or null.</summary>
    private int? Continues(int plus, int stop) =>
        plus < stop && text[plus] == '+' && Blanks.Skip(text, plus + 1) is var next && next < stop && IsQuote(text[next]) ? next : null;
}
