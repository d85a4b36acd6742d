using System.Text;
using System.Text.Json;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>
/// Almost-JSON → JSON: Python's dictionaries, keys without quotes, full-width marks, any quotes (<see cref="LooseText"/>), commas that are missing or too many, comments,
/// an object that isn't closed before the next one begins.
/// </summary>
internal sealed class LooseJson
{
    /// <summary>Letters of one value; more than that is no record. Bounds the search where braces never close.</summary>
    public const int Longest = 8_192;

    private const int Deepest = 32;

    private readonly string _text;
    private readonly int _end;
    private readonly LooseText _texts;
    private readonly StringBuilder _json = new();
    private int _at;

    private LooseJson(string text, int start)
    {
        (_text, _at, _end) = (text, start, Math.Min(text.Length, start + Longest));
        _texts = new(text, _end);
    }

    /// <summary>The object or array that begins at <paramref name="at"/>, which is moved behind it; null when it can't be read.</summary>
    /// <param name="cutOff">The text ended within it.</param>
    public static JsonElement? Read(string text, ref int at, out bool cutOff)
    {
        LooseJson loose = new(text, at);
        var whole = loose.Value(0);
        cutOff = !whole && loose._at >= loose._end;
        if (!whole)
        {
            return null;
        }
        at = loose._at;
        return Json.TryParse(loose._json.ToString());
    }

    private bool Value(int depth)
    {
        Skip();
        return _at < _end && depth <= Deepest && _text[_at] switch
        {
            '{' or '｛' => Object(depth),
            '[' => Array(depth),
            var mark when LooseText.IsQuote(mark) => _texts.Read(_json, ref _at, inObject: true),
            '}' or '｝' or ',' or ']' or ':' => false,
            _ => Word() || _texts.Read(_json, ref _at, inObject: true, opened: false),
        };
    }

    private bool Object(int depth)
    {
        _at++;
        _json.Append('{');
        for (var members = 0; ; members++)
        {
            SkipSeparators();
            if (_at >= _end ? depth == 0 && members > 0 && _end == _text.Length : _text[_at] is '}' or '｝' || (members > 0 && _text[_at] is '{' or '｛' or ']'))
            {
                _at += _at < _end && _text[_at] is '}' or '｝' ? 1 : 0;
                _json.Append('}');
                return true;
            }
            _json.Append(members > 0 ? "," : "");
            if (_at >= _end || !Key() || !Value(depth + 1))
            {
                return false;
            }
        }
    }

    private bool Key()
    {
        if (LooseKey.At(_text, _at, bare: true) is not { } key || key.Value >= _end)
        {
            _at = _text.AsSpan(_at).IndexOfAny('}', '｝') < 0 ? _end : _at;
            return false;
        }
        _texts.BareKeys |= !LooseText.IsQuote(_text[_at]);
        _json.Append('"');
        foreach (var letter in key.Name)
        {
            LooseLetters.Append(_json, letter);
        }
        _json.Append("\":");
        _at = key.Value;
        return true;
    }

    private bool Array(int depth)
    {
        _at++;
        _json.Append('[');
        for (var items = 0; ; items++)
        {
            SkipSeparators();
            if (_at < _end && _text[_at] == ']')
            {
                _at++;
                _json.Append(']');
                return true;
            }
            _json.Append(items > 0 ? "," : "");
            if (_at >= _end || !(LooseText.IsQuote(_text[_at]) ? _texts.Read(_json, ref _at, inObject: false) : _text[_at] is '{' or '｛' or '[' ? Value(depth + 1) : Word()))
            {
                return false;
            }
        }
    }

    private bool Word()
    {
        if (LooseWord.At(_text, _at) is not { } word)
        {
            return false;
        }
        _json.Append(word.Json);
        _at = word.End;
        return true;
    }

    private void Skip() => _at = Blanks.SkipWithComments(_text, _at);

    private void SkipSeparators()
    {
        for (Skip(); _at < _end && _text[_at] is ',' or '，' or '、' or ';' or '；'; Skip())
        {
            _at++;
        }
    }
}
