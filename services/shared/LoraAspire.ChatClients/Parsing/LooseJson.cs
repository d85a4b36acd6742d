using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace LoraAspire.ChatClients.Parsing;

/// <summary>
/// JSON as models write it. What isn't valid is read as almost-JSON: Python's dictionaries, keys without quotes, full-width marks, any
/// quotes in any mixture, quotes inside a text without their backslash (what follows a mark tells whether it ends the text), commas that
/// are missing or too many, comments, an object that isn't closed before the next one begins.
/// </summary>
internal sealed partial class LooseJson(string text, bool isRest)
{
    /// <summary>Letters of one value; more than that is no record. Bounds the search where braces never close.</summary>
    private const int Longest = 8_192;

    private const int Deepest = 32;

    /// <summary>
    /// Letters that may be looked at in vain, and what an object costs of them: no answer holds 4,000. Bounds the work that an endless row
    /// of braces makes.
    /// </summary>
    private const int Patience = 500_000, ObjectCost = 125;

    private static readonly JsonReaderOptions Strict = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    private readonly StringBuilder _json = new();
    private Regex _ends = EndsBeforeQuotedKey();
    private int _at;

    /// <summary>The values that the text consists of: a valid one, or objects and arrays in a row. Null for another text.</summary>
    public static IReadOnlyList<JsonElement>? All(string text)
    {
        text = WithoutHalves(text);
        if (Valid(Encoding.UTF8.GetBytes(text), out var read) is { } valid && Blank().Match(text, read).Length == text.Length - read)
        {
            return [valid];
        }
        List<JsonElement> values = [];
        for (var at = 0; (at += Between().Match(text, at).Length) < text.Length;)
        {
            if (text[at] is not ('[' or '{') || Read(text, ref at, out _) is not { } value)
            {
                return null;
            }
            values.Add(value);
        }
        return values;
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
        for (var start = Opening().Match(answer); start.Success;)
        {
            var end = start.Index;
            if (Read(answer, ref end, out var cutOff) is { ValueKind: JsonValueKind.Object } found)
            {
                items.Add(found);
                patience -= ObjectCost;
                start = patience < 0 ? Match.Empty : Opening().Match(answer, end);
                continue;
            }
            patience -= Math.Min(Longest, answer.Length - start.Index);
            // An object that never closes, or one text that never does, must not swallow those after it.
            var inner = patience < 0 ? Match.Empty : Opening().Match(answer, start.Index + 1);
            // One that is still open where the next begins is a wrapper, of which nothing is lost.
            if (cutOff || !inner.Success || answer.AsSpan(start.Index, inner.Index - start.Index).ContainsAny('}', '｝'))
            {
                dropped.Add(cutOff && patience >= 0 ? ReadAnswer.CutOff : ReadAnswer.Malformed);
            }
            start = inner;
        }
        return new(items, dropped);
    }

    /// <summary>The value that begins at <paramref name="at"/>, which is moved behind it; null when it can't be read.</summary>
    private static JsonElement? Read(string text, ref int at, out bool cutOff)
    {
        cutOff = false;
        var part = text.Substring(at, Math.Min(Longest, text.Length - at));
        if (Valid(Encoding.UTF8.GetBytes(part), out var length) is { } valid)
        {
            if (valid.GetRawText() is var raw && WithoutHalves(raw) != raw)
            {
                return null;
            }
            at += length;
            return valid;
        }
        LooseJson loose = new(part, isRest: at + part.Length == text.Length);
        var whole = loose.Value(0, inObject: true);
        cutOff = !whole && loose._at >= part.Length;
        at += whole ? loose._at : 0;
        return whole ? Valid(Encoding.UTF8.GetBytes(loose._json.ToString()), out _) : null;
    }

    /// <summary>The JSON with U+FFFD for each escape of half a surrogate pair.</summary>
    internal static string WithoutHalves(string json) =>
        Surrogates().Replace(json, escape => escape.Groups["half"].Success ? @"\ufffd" : escape.Value);

    private static JsonElement? Valid(byte[] bytes, out int length)
    {
        Utf8JsonReader reader = new(bytes, Strict);
        try
        {
            var value = JsonElement.ParseValue(ref reader);
            length = Encoding.UTF8.GetCharCount(bytes, 0, (int)reader.BytesConsumed);
            return value;
        }
        catch (JsonException)
        {
            length = 0;
            return null;
        }
    }

    private bool Value(int depth, bool inObject)
    {
        Skip(Blank());
        return _at < text.Length && depth <= Deepest && text[_at] switch
        {
            '{' or '｛' or '[' => Members(depth, text[_at] != '['),
            '}' or '｝' or ',' or ']' or ':' => false,
            // A number that JSON knows is one; another, or a word of JSON, JavaScript or Python, is no text, and nothing that counts.
            _ => Words().Match(text, _at) is { Success: true } word ? Add(Number().IsMatch(word.Value) ? word.Value : "null", word.Length)
                : (inObject || Marks.Contains(text[_at])) && Text(inObject ? _ends : EndsInArray()),
        };
    }

    private bool Add(string json, int length)
    {
        _json.Append(json);
        _at += length;
        return true;
    }

    /// <summary>An object or an array. The brace of an object may be missing before the next one, or at the end.</summary>
    private bool Members(int depth, bool inObject)
    {
        Add(inObject ? "{" : "[", 1);
        for (var before = ""; ; before = ",")
        {
            Skip(Between());
            var next = _at < text.Length ? text[_at] : '\0';
            var closes = inObject ? next is '}' or '｝' : next is ']';
            if (closes || (inObject && before != "" && (next is '{' or '｛' or ']' || (next == '\0' && depth == 0 && isRest))))
            {
                return Add(inObject ? "}" : "]", closes ? 1 : 0);
            }
            Add(before, 0);
            if (next == '\0' || (inObject && !Key()) || !Value(depth + 1, inObject))
            {
                return false;
            }
        }
    }

    private bool Key()
    {
        if (Keys().Match(text, _at) is not { Success: true } key)
        {
            _at = text.AsSpan(_at).IndexOfAny('}', '｝') < 0 ? text.Length : _at;
            return false;
        }
        // Where one key stands without quotes, a word and a colon after a comma is another.
        _ends = key.Groups["bare"].Success ? EndsBeforeKey() : _ends;
        return Add(JsonSerializer.Serialize(key.Groups["key"].Value) + ":", key.Length);
    }

    /// <summary>Appends the text that begins here; its opening mark may be missing. False when nothing ends it.</summary>
    private bool Text(Regex ends)
    {
        StringBuilder said = new();
        do
        {
            var open = Marks.Contains(text[_at]) ? text[_at] : '\0';
            // Three marks are Python's for a text of several lines.
            var marks = open == '\0' ? 0 : text.AsSpan(_at).StartsWith([open, open, open]) ? 3 : 1;
            var start = _at += marks;
            if (End(open, ends) is not { } end)
            {
                return false;
            }
            said.Append(text.AsSpan(start..end) is var raw && marks == 3 && raw.EndsWith("\"\"") ? raw[..^2] : raw);
        }
        while (Skip(Plus())); // "a" + "b" is one text.
        return Add(JsonSerializer.Serialize(Control().Replace(Escape().Replace(said.ToString(), Meant), "")), 0);
    }

    /// <summary>Where the text ends, and moves behind its mark; null, and to the end of all, where it doesn't.</summary>
    private int? End(char open, Regex ends)
    {
        var closing = open switch { '「' => "」", '『' => "』", '\'' or '‘' or '’' => "'’‘", '`' => "`", _ => "\"“”＂" };
        for (var (end, inner) = (_at, 0); end < text.Length; end += text[end] == '\\' ? 2 : 1)
        {
            // One mark too many may stand there; but where one of a pair is open, this one closes it.
            var marks = !closing.Contains(text[end]) ? 0
                : ends.IsMatch(text, end + 1) ? 1
                : inner++ % 2 == 0 && text.AsSpan(end + 1).StartsWith([text[end]]) && ends.IsMatch(text, end + 2) ? 2 : 0;
            // The mark is missing: the next object begins behind the brace that closes this one, or within the text.
            var unmarked = text[end] is '{' or '}' && Unmarked().IsMatch(text, end);
            if (marks > 0 || (unmarked && text[end] == '}'))
            {
                _at = end + marks;
                return end;
            }
            if (unmarked)
            {
                break;
            }
        }
        _at = text.Length;
        return null;
    }

    /// <summary>What an escape of JSON, Python or Markdown means; before a letter or digit it may be a backslash, as in a path.</summary>
    private static string Meant(Match escape) => escape.Groups["code"] is { Success: true } code
        ? ((char)ushort.Parse(code.Value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)).ToString()
        : "bfnrt".IndexOf(escape.Value[1]) is var known and >= 0 ? "\b\f\n\r\t"[known].ToString()
        : char.IsAsciiLetterOrDigit(escape.Value[1]) ? escape.Value : escape.Value[1..];

    private bool Skip(Regex what) => what.Match(text, _at) is { Success: true } found && Add("", found.Length);

    private const string Marks = "\"“”„＂'‘’`「『";
    private const string Space = @"[\s\u00AD\u200B-\u200F\u2060-\u2064\uFEFF]";
    private const string Comments = $@"(?>(?:{Space}|(?://|\#)[^\n]{{0,400}}|/\*(?s:.{{0,396}}?)\*/)*)";
    private const string Quoted = $@"[{Marks}](?<key>[^{Marks}」』\n]{{1,60}})[{Marks}」』\n]{Comments}(?:[:：]|=>?)";
    private const string Bare = $@"(?<bare>(?<key>[\p{{L}}\p{{Nd}}_-]{{1,60}})){Comments}(?:[:：]|=>?)";
    private const string NextObject = $@"\{{(?>{Space}*){Quoted}";
    private const string Ends = $@"\z|[}}｝](?![{Marks}])|\]|{NextObject}|\+{Space}*[{Marks}]|[,，、;；]{Comments}(?:\z|[}}｝\]]|{NextObject}";

    [GeneratedRegex($@"\G{Comments}(?:{Ends}|[\[{Marks}]))")]
    private static partial Regex EndsInArray();

    [GeneratedRegex($@"\G{Comments}(?:{Ends}|{Quoted})|{Quoted})")]
    private static partial Regex EndsBeforeQuotedKey();

    [GeneratedRegex($@"\G{Comments}(?:{Ends}|{Quoted}|{Bare})|{Quoted}|{Bare})")]
    private static partial Regex EndsBeforeKey();

    [GeneratedRegex($@"\G(?:{Quoted}|{Bare})")]
    private static partial Regex Keys();

    /// <summary>A brace after which a key, a comment or another object begins.</summary>
    [GeneratedRegex($@"[{{｛](?>{Space}*)(?:[{Marks}/#]|{Bare})")]
    private static partial Regex Opening();

    /// <summary>The next object where a text should have ended, with the brace that closes this one.</summary>
    [GeneratedRegex($@"\G(?:\}}(?:{Space}|[,，、;；])*)?{NextObject}")]
    private static partial Regex Unmarked();

    [GeneratedRegex($@"\G{Comments}")]
    private static partial Regex Blank();

    [GeneratedRegex($@"\G(?:{Comments}[,，、;；])*{Comments}")]
    private static partial Regex Between();

    [GeneratedRegex($@"\G{Space}*\+{Space}*(?=[{Marks}])")]
    private static partial Regex Plus();

    [GeneratedRegex(@"\G(?:null|None|NaN|nan|undefined|nil|true|True|false|False|-?[0-9][A-Za-z0-9.+-]{0,39})(?![A-Za-z0-9.+-])"
        + $@"(?={Comments}(?:\z|[,，、;；}}｝\]])|{Space}*\n)")]
    private static partial Regex Words();

    [GeneratedRegex(@"\A-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\z")]
    private static partial Regex Number();

    [GeneratedRegex(@"\\(?:u(?<code>[0-9a-fA-F]{4})|[\s\S])")]
    private static partial Regex Escape();

    [GeneratedRegex(@"[\x00-\x08\x0B-\x1F]")]
    private static partial Regex Control();

    /// <summary>Any escape; those of a pair together. Half a pair is what no string can hold.</summary>
    [GeneratedRegex(@"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|[\s\S])")]
    private static partial Regex Surrogates();
}
