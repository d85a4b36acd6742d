namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>
/// Letters to tokens, by jinja2's rules with trim_blocks and lstrip_blocks: the first newline after a block or comment goes, and so do
/// blanks before one on
/// its line; - takes all white space on its side, + none. The template's last newline goes.
/// </summary>
internal sealed class Lexer
{
    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _at;
    private int _line = 1;
    private int _lineAt;

    /// <summary>Whether what was read last ended a line: only then are the blanks that follow at a line's start.</summary>
    private bool _lineStarts = true;

    private Lexer(string source)
    {
        source = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        _source = source.EndsWith('\n') ? source[..^1] : source;
    }

    /// <exception cref="TemplateException">Too long, a tag or string that isn't closed, a letter that has no place.</exception>
    public static List<Token> Read(string source)
    {
        if (source.Length > TemplateLimits.Source)
        {
            throw new TemplateException($"it has {source.Length} characters, which no chat template has ({TemplateLimits.Source} at most)",
                1);
        }
        Lexer lexer = new(source);
        while (lexer.Next())
        {
        }
        lexer._tokens.Add(new(TokenKind.End, "", lexer.Line(lexer._source.Length)));
        return lexer._tokens;
    }

    /// <summary>The text up to the next tag, and the tag.</summary>
    private bool Next()
    {
        var tag = FindTag(_at);
        if (tag < 0)
        {
            Data(_source[_at..]);
            return false;
        }
        var (kind, sign) = (_source[tag + 1], Sign(tag + 2));
        Data(Left(_source[_at..tag], sign, isPrint: kind == '{'));
        var begin = tag + 2 + (sign == '\0' ? 0 : 1);
        if (kind == '#')
        {
            var end = _source.IndexOf("#}", begin, StringComparison.Ordinal);
            if (end < 0)
            {
                throw new TemplateException("Missing end of comment tag", Line(tag));
            }
            Close(end > begin && _source[end - 1] is '-' or '+' ? _source[end - 1] : '\0', end + 2, trims: true);
            return true;
        }
        if (kind == '%' && RawEnd(begin) is { } raw)
        {
            Raw(tag, raw);
            return true;
        }
        _tokens.Add(new(kind == '{' ? TokenKind.PrintBegin : TokenKind.BlockBegin, "", Line(tag)));
        _at = new ExpressionLexer(_source, begin, kind == '{' ? "}}" : "%}", Line, _tokens).Read();
        _tokens.Add(new(kind == '{' ? TokenKind.PrintEnd : TokenKind.BlockEnd, "", Line(_at)));
        var last = Sign(_at);
        Close(last, _at + (last == '\0' ? 2 : 3), trims: kind == '%');
        return true;
    }

    private int FindTag(int from)
    {
        for (var at = from; (at = _source.IndexOf('{', at)) >= 0 && at + 1 < _source.Length; at++)
        {
            if (_source[at + 1] is '%' or '{' or '#')
            {
                return at;
            }
        }
        return -1;
    }

    private char Sign(int at) => at < _source.Length && _source[at] is '-' or '+' ? _source[at] : '\0';

    /// <summary>The text before a tag, without what the tag takes of it.</summary>
    private string Left(string text, char sign, bool isPrint)
    {
        if (sign == '-')
        {
            return TrimEnd(text);
        }
        var line = text.LastIndexOf('\n') + 1;
        return sign == '\0' && !isPrint && (line > 0 || _lineStarts)
            && text.AsSpan(line).IndexOfAnyExcept(" \t\v\f\x1c\x1d\x1e\x1f\u0085\u00a0") < 0
            ? text[..line] : text;
    }

    private static string TrimEnd(string text)
    {
        var end = text.Length;
        while (end > 0 && Text.IsSpace(text[end - 1]))
        {
            end--;
        }
        return text[..end];
    }

    private void Data(string text)
    {
        if (text.Length > 0)
        {
            _tokens.Add(new(TokenKind.Data, text, Line(_at)));
        }
    }

    /// <summary>Goes on after a tag, without the white space that its end takes.</summary>
    private void Close(char sign, int after, bool trims)
    {
        _at = after;
        while (sign == '-' && _at < _source.Length && Text.IsSpace(_source[_at]))
        {
            _at++;
        }
        if (sign == '\0' && trims && _at < _source.Length && _source[_at] == '\n')
        {
            _at++;
        }
        _lineStarts = _source[_at - 1] == '\n';
    }

    /// <summary>Where the text of a raw block begins, if this tag opens one.</summary>
    private (int Text, bool Strips)? RawEnd(int begin) => Word(begin, "raw") is { } end ? (end.After, end.Sign == '-') : null;

    /// <summary>A tag that consists of one word: where it ends, and the sign before its end.</summary>
    private (int After, char Sign)? Word(int at, string word)
    {
        while (at < _source.Length && Text.IsSpace(_source[at]))
        {
            at++;
        }
        if (string.CompareOrdinal(_source, at, word, 0, word.Length) != 0)
        {
            return null;
        }
        at += word.Length;
        while (at < _source.Length && Text.IsSpace(_source[at]))
        {
            at++;
        }
        var sign = Sign(at);
        at += sign == '\0' ? 0 : 1;
        return string.CompareOrdinal(_source, at, "%}", 0, 2) == 0 ? (at + 2, sign) : null;
    }

    private void Raw(int tag, (int Text, bool Strips) raw)
    {
        _at = raw.Text;
        _lineStarts = false;
        if (raw.Strips)
        {
            Close('-', _at, trims: false);
        }
        for (var at = _at; (at = _source.IndexOf("{%", at, StringComparison.Ordinal)) >= 0; at += 2)
        {
            var sign = Sign(at + 2);
            if (Word(at + 2 + (sign == '\0' ? 0 : 1), "endraw") is { } end)
            {
                Data(Left(_source[_at..at], sign, isPrint: false));
                Close(end.Sign, end.After, trims: true);
                return;
            }
        }
        throw new TemplateException("Missing end of raw directive", Line(tag));
    }

    private int Line(int at)
    {
        if (at < _lineAt)
        {
            (_line, _lineAt) = (1, 0);
        }
        _line += _source.AsSpan(_lineAt, at - _lineAt).Count('\n');
        _lineAt = at;
        return _line;
    }
}
