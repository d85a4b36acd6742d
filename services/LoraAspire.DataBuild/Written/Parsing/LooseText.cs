using System.Text;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>
/// A quoted text in almost-JSON. Any quotes may open it, in any mixture with those that close it, and quotes inside may lack their backslash: whether a mark ends the text
/// is told by what follows it.
/// </summary>
/// <param name="end">Not looked at any further.</param>
internal sealed class LooseText(string text, int end)
{
    private const string Separators = ",，、;；";

    /// <summary>The object has keys without quotes, so that a word and a colon after a comma are one too.</summary>
    public bool BareKeys { get; set; }

    public static bool IsQuote(char letter) => letter is '"' or '“' or '”' or '„' or '＂' or '\'' or '‘' or '’' or '`' or '「' or '『';

    /// <summary>Appends the text whose opening mark stands at <paramref name="at"/> as a JSON string.</summary>
    /// <param name="opened">False where the opening mark is missing.</param>
    /// <returns>False when no mark ends it.</returns>
    public bool Read(StringBuilder json, ref int at, bool inObject, bool opened = true)
    {
        var open = opened ? text[at] : '"';
        // Three marks are Python's for a text of several lines.
        var marks = !opened ? 0 : at + 3 < end && text[at + 1] == open && text[at + 2] == open ? 3 : 1;
        at += marks;
        json.Append('"');
        if (!Inside(json, ref at, open, inObject))
        {
            return false;
        }
        json.Length -= marks == 3 && json.Length > 4 && json.ToString(json.Length - 4, 4) == "\\\"\\\"" ? 4 : 0;
        // "a" + "b" is one text.
        while (Blanks.Skip(text, at) is var plus && plus < end && text[plus] == '+' && Blanks.Skip(text, plus + 1) is var next && next < end && IsQuote(text[next]))
        {
            at = next + 1;
            if (!Inside(json, ref at, text[next], inObject))
            {
                return false;
            }
        }
        json.Append('"');
        return true;
    }

    private bool Inside(StringBuilder json, ref int at, char open, bool inObject)
    {
        var inner = 0;
        (int At, int Length) brace = (-1, 0);
        while (at < end)
        {
            var letter = text[at];
            if (letter == '\\' && at + 1 < end)
            {
                at += LooseLetters.AppendEscape(json, text, at);
                continue;
            }
            if (Closes(open, letter))
            {
                if (Ends(at + 1, inObject))
                {
                    at++;
                    return true;
                }
                // One mark too many; but where one of a pair is open, this one closes it.
                if (inner % 2 == 0 && at + 1 < end && text[at + 1] == letter && Ends(at + 2, inObject))
                {
                    at += 2;
                    return true;
                }
                inner++;
            }
            else if (letter is '{' && StartsObject(at))
            {
                // The mark is missing: the next object begins within the text. It may be behind the brace that closes this one.
                if (brace.At < 0)
                {
                    at = end;
                    return false;
                }
                (at, json.Length) = brace;
                return true;
            }
            brace = letter is '}' ? (at, json.Length) : Blanks.Is(letter) || Separators.Contains(letter) ? brace : (-1, 0);
            LooseLetters.Append(json, letter);
            at++;
        }
        return false;
    }

    /// <summary>Whether an object with a quoted key begins here.</summary>
    public bool StartsObject(int at) => Blanks.Skip(text, at + 1) is var key && key < end && IsQuote(text[key]) && KeyAt(key);

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
        var letter = text[at];
        if (Separators.Contains(letter))
        {
            var next = Blanks.SkipWithComments(text, at + 1);
            return next >= text.Length || text[next] is '}' or '｝' or ']' || (text[next] == '{' && StartsObject(next)) || (inObject ? KeyAt(next) : IsQuote(text[next]) || text[next] == '[');
        }
        return letter switch
        {
            '}' or '｝' => at + 1 >= text.Length || !IsQuote(text[at + 1]),
            ']' => true,
            '{' => StartsObject(at),
            '+' => Blanks.Skip(text, at + 1) is var next && next < text.Length && IsQuote(text[next]),
            _ => inObject && KeyAt(at),
        };
    }

    private bool KeyAt(int at) => LooseKey.At(text, at, BareKeys) is not null;
}
