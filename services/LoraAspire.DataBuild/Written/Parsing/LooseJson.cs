using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.DataBuild.Records;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>
/// JSON as models write it. What isn't valid is read as almost-JSON: Python's dictionaries, keys without quotes, full-width marks, any
/// quotes (<see cref="LooseText"/>), commas
/// that are missing or too many, comments, an object that isn't closed before the next one begins.
/// </summary>
internal sealed partial class LooseJson
{
    /// <summary>Letters of one value; more than that is no record. Bounds the search where braces never close.</summary>
    private const int Longest = 8_192;

    private const int Deepest = 32;

    /// <summary>
    /// Letters that may be looked at in vain. Nobody's records need so many; it bounds the work that an endless row of braces makes.
    /// </summary>
    private const int Patience = 2_000_000;

    private static readonly JsonDocumentOptions Strict = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

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

    /// <summary>The valid value that is all of the text, or null.</summary>
    public static JsonElement? All(string text)
    {
        try
        {
            return JsonElement.Parse(Encoding.UTF8.GetBytes(text), Strict);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The value that begins at <paramref name="at"/>, which is moved behind it; null when it can't be read.</summary>
    /// <param name="cutOff">The text ended within it.</param>
    public static JsonElement? Read(string text, ref int at, out bool cutOff)
    {
        cutOff = false;
        var bytes = Encoding.UTF8.GetBytes(text, at, Math.Min(Longest, text.Length - at));
        Utf8JsonReader reader = new(bytes, new JsonReaderOptions
        {
            AllowTrailingCommas = Strict.AllowTrailingCommas,
            CommentHandling = Strict.CommentHandling,
        });
        try
        {
            var valid = JsonElement.ParseValue(ref reader);
            at += Encoding.UTF8.GetCharCount(bytes, 0, (int)reader.BytesConsumed);
            return valid;
        }
        catch (JsonException)
        {
            LooseJson loose = new(text, at);
            var whole = loose.Value(0);
            cutOff = !whole && loose._at >= loose._end;
            at = whole ? loose._at : at;
            return whole ? All(loose._json.ToString()) : null;
        }
    }

    /// <summary>
    /// The objects in an answer, wherever they stand: in an array, one after another with or without commas, in fences, between prose. One
    /// that can't be read is dropped.
    /// </summary>
    public static ReadAnswer<JsonElement> Objects(string answer)
    {
        List<JsonElement> items = [];
        List<string> dropped = [];
        var patience = Patience;
        for (var start = NextObject(answer, 0); start >= 0;)
        {
            var end = start;
            if (Read(answer, ref end, out var cutOff) is { ValueKind: JsonValueKind.Object } found)
            {
                items.Add(found);
                start = NextObject(answer, end);
                continue;
            }
            patience -= Math.Min(Longest, answer.Length - start);
            // An object that never closes, or one text that never does, must not swallow those after it.
            var inner = patience < 0 ? -1 : NextObject(answer, start + 1);
            // One that is still open where the next begins is a wrapper, of which nothing is lost.
            if (cutOff || inner < 0 || answer.AsSpan(start, inner - start).ContainsAny('}', '｝'))
            {
                dropped.Add(cutOff && patience >= 0 ? ReadAnswer.CutOff : ReadAnswer.Malformed);
            }
            start = inner;
        }
        return new(items, dropped);
    }

    /// <summary>The next brace after which a key, a comment or another object begins; -1 when there is none.</summary>
    private static int NextObject(string text, int from)
    {
        for (var at = from; at < text.Length && text.AsSpan(at).IndexOfAny('{', '｛') is var next and >= 0; at++)
        {
            at += next;
            var after = Blanks.Skip(text, at + 1);
            if (after < text.Length
                && (LooseText.IsQuote(text[after]) || text[after] is '/' or '#' || LooseText.Key(text, after, bare: true) is not null))
            {
                return at;
            }
        }
        return -1;
    }

    private bool Value(int depth)
    {
        Skip();
        return _at < _end && depth <= Deepest && _text[_at] switch
        {
            '{' or '｛' => Object(depth),
            '[' => Array(depth),
            var mark when LooseText.IsQuote(mark) => Add(_texts.Read(ref _at, inObject: true)),
            '}' or '｝' or ',' or ']' or ':' => false,
            _ => Word() || Add(_texts.Read(ref _at, inObject: true, opened: false)),
        };
    }

    private bool Object(int depth)
    {
        _at++;
        _json.Append('{');
        for (var members = 0; ; members++)
        {
            SkipSeparators();
            if (_at >= _end ? depth == 0 && members > 0 && _end == _text.Length
                : _text[_at] is '}' or '｝' || (members > 0 && _text[_at] is '{' or '｛' or ']'))
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
        if (LooseText.Key(_text, _at, bare: true) is not { } key || key.Value >= _end)
        {
            _at = _text.AsSpan(_at).IndexOfAny('}', '｝') < 0 ? _end : _at;
            return false;
        }
        _texts.BareKeys |= !LooseText.IsQuote(_text[_at]);
        _at = key.Value;
        Add(key.Name);
        _json.Append(':');
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
            if (_at >= _end || !(LooseText.IsQuote(_text[_at]) ? Add(_texts.Read(ref _at, inObject: false))
                : _text[_at] is '{' or '｛' or '[' ? Value(depth + 1) : Word()))
            {
                return false;
            }
        }
    }

    /// <summary>A number, or a word of JSON, JavaScript or Python: no text, and so nothing that counts.</summary>
    private bool Word()
    {
        var length = Words().Match(_text, _at).Length;
        var after = Blanks.SkipWithComments(_text, _at + length);
        length = after >= _text.Length || ",，、;；}｝]".Contains(_text[after]) || _text.AsSpan(_at, after - _at).Contains('\n') ? length : 0;
        _json.Append(length > 0 ? "null" : "");
        _at += length;
        return length > 0;
    }

    [GeneratedRegex(@"\G(?:null|None|NaN|nan|undefined|nil|true|True|false|False|-?[0-9][A-Za-z0-9.+-]{0,39})(?![A-Za-z0-9.+-])")]
    private static partial Regex Words();

    private bool Add(string? text)
    {
        _json.Append(text is null ? "" : JsonSerializer.Serialize(text));
        return text is not null;
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
