using System.Globalization;
using System.Text;

namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>The tokens between a tag's begin and its end.</summary>
internal sealed class ExpressionLexer(string source, int at, string end, Func<int, int> line, List<Token> tokens)
{
    private static readonly string[] Operators =
        ["//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",",
            ";"];

    private readonly int _begin = at;
    private readonly Stack<char> _open = new();
    private int _at = at;

    /// <returns>Where the end stands, its sign included.</returns>
    public int Read()
    {
        while (true)
        {
            while (_at < source.Length && Text.IsSpace(source[_at]))
            {
                _at++;
            }
            if (_at >= source.Length)
            {
                throw new TemplateException($"unexpected end of template: a tag that began here has no '{end}'", line(_begin));
            }
            if (_open.Count == 0 && IsEnd())
            {
                return _at;
            }
            Next();
        }
    }

    private bool IsEnd() => string.CompareOrdinal(source, _at, end, 0, 2) == 0
        || ((source[_at] == '-' || (source[_at] == '+' && end == "%}")) && string.CompareOrdinal(source, _at + 1, end, 0, 2) == 0);

    private void Next()
    {
        var letter = source[_at];
        if (char.IsAsciiDigit(letter))
        {
            Number();
        }
        else if (letter == '_' || char.IsLetter(letter))
        {
            var from = _at;
            while (_at < source.Length && (source[_at] == '_' || char.IsLetterOrDigit(source[_at])))
            {
                _at++;
            }
            Add(TokenKind.Name, source[from.._at], from);
        }
        else if (letter is '\'' or '"')
        {
            Quoted(letter);
        }
        else
        {
            var found = Array.Find(Operators, op => string.CompareOrdinal(source, _at, op, 0, op.Length) == 0)
                ?? throw new TemplateException($"unexpected char {Printing.Repr(letter.ToString())}", line(_at));
            Balance(found[0]);
            _at += found.Length;
            Add(TokenKind.Operator, found, _at - found.Length);
        }
    }

    private void Balance(char letter)
    {
        if (letter is '(' or '[' or '{')
        {
            _open.Push(letter switch { '(' => ')', '[' => ']', _ => '}' });
            if (_open.Count > TemplateLimits.Nesting)
            {
                throw new TemplateException("brackets are nested too deeply", line(_at));
            }
        }
        else if (letter is ')' or ']' or '}')
        {
            if (!_open.TryPop(out var expected))
            {
                throw new TemplateException($"unexpected '{letter}'", line(_at));
            }
            if (expected != letter)
            {
                throw new TemplateException($"unexpected '{letter}', expected '{expected}'", line(_at));
            }
        }
    }

    private void Add(TokenKind kind, string text, int from) => tokens.Add(new(kind, text, line(from)));

    private void Number()
    {
        var from = _at;
        if (source[_at] == '0' && _at + 2 < source.Length && (source[_at + 1] | 0x20) is 'x' or 'o' or 'b'
            && char.IsAsciiHexDigit(source[_at + 2]))
        {
            _at += 2;
            Digits(char.IsAsciiHexDigit);
            Add(TokenKind.Integer, source[from.._at].Replace("_", "", StringComparison.Ordinal), from);
            return;
        }
        Digits(char.IsAsciiDigit);
        // "1.2" is a number, "x.1.2" two indexes.
        var isFloat = false;
        if ((from == 0 || source[from - 1] != '.') && _at + 1 < source.Length)
        {
            if (source[_at] == '.' && char.IsAsciiDigit(source[_at + 1]))
            {
                isFloat = true;
                _at++;
                Digits(char.IsAsciiDigit);
            }
            var exponent = _at + 1 < source.Length && source[_at + 1] is '+' or '-' ? _at + 2 : _at + 1;
            if (_at < source.Length && source[_at] is 'e' or 'E' && exponent < source.Length && char.IsAsciiDigit(source[exponent]))
            {
                isFloat = true;
                _at = exponent;
                Digits(char.IsAsciiDigit);
            }
        }
        Add(isFloat ? TokenKind.Float : TokenKind.Integer, source[from.._at].Replace("_", "", StringComparison.Ordinal), from);
    }

    private void Digits(Func<char, bool> isDigit)
    {
        while (_at < source.Length && (isDigit(source[_at]) || (source[_at] == '_' && _at + 1 < source.Length && isDigit(source[_at + 1]))))
        {
            _at++;
        }
    }

    private void Quoted(char quote)
    {
        var from = _at++;
        StringBuilder text = new();
        while (_at < source.Length && source[_at] != quote)
        {
            if (source[_at] == '\\' && _at + 1 < source.Length)
            {
                Escape(text);
            }
            else
            {
                text.Append(source[_at++]);
            }
        }
        if (_at >= source.Length)
        {
            throw new TemplateException($"unexpected char {Printing.Repr(quote.ToString())}: a string that begins here has no end",
                line(from));
        }
        _at++;
        Add(TokenKind.String, text.ToString(), from);
    }

    private void Escape(StringBuilder text)
    {
        var letter = source[_at + 1];
        _at += 2;
        const string Known = "ntrabfv\\'\"";
        const string Meant = "\n\t\r\a\b\f\v\\'\"";
        if (Known.IndexOf(letter) is var at and >= 0)
        {
            text.Append(Meant[at]);
        }
        else if (letter is >= '0' and <= '7')
        {
            var length = 1;
            while (length < 3 && _at - 1 + length < source.Length && source[_at - 1 + length] is >= '0' and <= '7')
            {
                length++;
            }
            text.Append((char)Convert.ToInt32(source.Substring(_at - 1, length), 8));
            _at += length - 1;
        }
        else if (letter is 'x' or 'u' or 'U')
        {
            var length = letter switch { 'x' => 2, 'u' => 4, _ => 8 };
            if (_at + length > source.Length
                || !uint.TryParse(source.AsSpan(_at, length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
                    || code > 0x10ffff)
            {
                throw new TemplateException($"the escape \\{letter} needs {length} hexadecimal digits", line(_at));
            }
            text.Append(code < 0x10000 ? ((char)code).ToString() : char.ConvertFromUtf32((int)code));
            _at += length;
        }
        else if (letter == 'N')
        {
            throw new TemplateException("the escape \\N (a letter by its Unicode name) isn't known here: write \\u", line(_at));
        }
        else if (letter != '\n')
        {
            text.Append('\\').Append(letter);
        }
    }
}
