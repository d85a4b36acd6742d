using System.Text;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>Almost-JSON → JSON: Chinese or curly quotes as delimiters, full-width colons and commas, a comma missing between members, line breaks within a text.</summary>
internal static class JsonRepair
{
    public static string Repair(string text)
    {
        StringBuilder json = new(text.Length + 16);
        var open = '\0';
        var afterValue = false;
        for (var i = 0; i < text.Length; i++)
        {
            var letter = text[i];
            if (open != '\0')
            {
                open = Inside(text, ref i, open, json);
                afterValue = open == '\0';
                continue;
            }
            if (IsQuote(letter))
            {
                json.Append(afterValue ? ",\"" : "\"");
                open = letter;
                continue;
            }
            letter = letter switch { '：' => ':', '，' => ',', '｛' => '{', '｝' => '}', _ => letter };
            afterValue = char.IsWhiteSpace(letter) ? afterValue : letter is not (':' or ',' or '{' or '[');
            json.Append(letter);
        }
        return json.ToString();
    }

    private static char Inside(string text, ref int i, char open, StringBuilder json)
    {
        var letter = text[i];
        switch (letter)
        {
            case '\\' when i + 1 < text.Length:
                json.Append(letter).Append(text[++i]);
                return open;
            case '\n':
                json.Append("\\n");
                return open;
            case '\r':
                return open;
            case '\t':
                json.Append("\\t");
                return open;
            case '"' when open == '"':
                json.Append('"');
                return '\0';
            case '"' or '“' or '”' or '＂' when open != '"' && EndsText(text, i + 1):
                json.Append('"');
                return '\0';
            case '"':
                json.Append("\\\"");
                return open;
            default:
                json.Append(letter);
                return open;
        }
    }

    /// <summary>Whether what follows a mark shows that a text ended before it; else the mark is part of the text.</summary>
    private static bool EndsText(string text, int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
        {
            at++;
        }
        return at == text.Length || text[at] is ':' or '：' or '}' or '｝' or ']' || (text[at] is ',' or '，' && NextIsKeyOrEnd(text, at + 1));
    }

    private static bool NextIsKeyOrEnd(string text, int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
        {
            at++;
        }
        return at == text.Length || IsQuote(text[at]) || text[at] is '}' or ']';
    }

    internal static bool IsQuote(char letter) => letter is '"' or '“' or '”' or '＂';
}
