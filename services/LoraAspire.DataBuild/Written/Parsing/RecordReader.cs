using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.ChatClients.Parsing;
using LoraAspire.DataBuild.Records;
using LoraAspire.Model.Data;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>
/// Instruction records however a chat model writes them. An answer that is JSON is walked. Any other is cut at the keys of records, which
/// stand there in quotes of any kind or none (JSON with mistakes, Python), or as labels of lines (<c>Q:</c>, <c>答：</c>); or it is a table
/// of two columns. Either way a record ends where its object does, or the next one's question begins.
/// </summary>
internal sealed partial class RecordReader
{
    private const string Incomplete = "no instruction and output", NoText = "instruction or output is not a text";

    // What models call the question, the answer and the roles of a record, whatever they were told to call them.
    private const string Questions = "user_question|instructions|instruction|instrution|user_input|user_query|instruct|question|prompt"
        + "|query|human|user|q|用户问题|用户提问|指令|问题|提问|用户|问";

    private const string Answers = "assistant_response|assistant_answer|model_answer|completion|assistant|response|outputs|output"
        + "|answer|reply|gpt|a|助手回答|输出|回答|答案|回复|助手|答";

    /// <summary>The names of the three parts of a record, and those of a turn: who speaks (OpenAI's, ShareGPT's), and what.</summary>
    private static readonly string[][] Names =
        [Questions.Split('|'), ["input", "输入"], Answers.Split('|'), ["role", "from"], ["content", "value"]];

    private const int Question = 0, Input = 1, Answer = 2, Role = 3, Content = 4, System = 5;

    private readonly List<InstructionRecord> _records = [];
    private readonly List<string> _dropped = [];
    private string?[] _parts = new string?[3];
    private int? _speaker;
    private bool _noText;

    public static ReadAnswer<InstructionRecord> Read(string answer)
    {
        answer = Unwrapped(answer);
        RecordReader reader = new();
        if (AnswerText.Json(answer) is { } json)
        {
            json.Values.ToList().ForEach(reader.Walk);
        }
        else if ((BareObject().Matches(answer).Any(key => Part(key) >= 0) ? AnyKey() : QuotedKey()) is var keys
            && keys.Matches(answer).Any(key => Part(key) >= 0))
        {
            reader.Cut(answer, keys, Value);
        }
        else
        {
            reader.Table(answer);
            reader.Cut(Heading().Replace(answer, "${key}: "), Label(), LabelledText);
        }
        reader.End();
        return new(reader._records, reader._records.Count + reader._dropped.Count > 0 ? reader._dropped : [AnswerText.Prose]);
    }

    /// <summary>
    /// The answer without a layer of escapes: the whole of it as one JSON string, a backslash before each quote, or HTML's entities.
    /// </summary>
    private static string Unwrapped(string answer) =>
        AnswerText.Json(answer)?.Values is [{ ValueKind: JsonValueKind.String } all] ? all.GetString()!
            : answer.Contains("{\"", StringComparison.Ordinal) ? answer
            : answer.Contains("{\\\"", StringComparison.Ordinal) ? answer.Replace("\\\"", "\"", StringComparison.Ordinal)
            : answer.Contains("&quot;", StringComparison.Ordinal) ? WebUtility.HtmlDecode(answer)
            : answer;

    private void Walk(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            value.EnumerateArray().ToList().ForEach(Walk);
        }
        else if (value.ValueKind == JsonValueKind.Object)
        {
            var members = value.EnumerateObject().ToLookup(member => member.Value.ValueKind == JsonValueKind.Object
                || (member.Value.ValueKind == JsonValueKind.Array && Part(member.Name) is not (Question or Answer)));
            foreach (var own in members[false])
            {
                Take(Part(own.Name), own.Value.ValueKind == JsonValueKind.String ? own.Value.GetString() : null);
            }
            EndObject();
            members[true].ToList().ForEach(inner => Walk(inner.Value));
        }
    }

    /// <summary>Takes what stands between each key and the next.</summary>
    private void Cut(string answer, Regex keys, Func<string, int, string?> text)
    {
        // A key that no record has ends the text before it where it stands as a key does.
        var found = keys.Matches(answer).Where(key => Part(key) >= 0 || BeginsMember(answer, key.Index)).ToList();
        for (var i = 0; i < found.Count; i++)
        {
            var end = found[i].Index + found[i].Length;
            var raw = answer[end..(i + 1 < found.Count ? found[i + 1].Index : answer.Length)];
            if (i + 1 == found.Count && keys != Label() && Blanks.Trim(raw) is [var open, ..] && Marks.Contains(open) && Close(raw) < 0)
            {
                _dropped.Add(AnswerText.CutOff);
                (_parts, _noText) = (new string?[3], false);
                return;
            }
            Take(Part(found[i]), text(raw, Part(found[i])));
            if (keys != Label() && raw.LastIndexOfAny(['}', '｝']) > Close(raw))
            {
                EndObject();
            }
        }
    }

    /// <summary>Whether a brace, a mark between members or a line's beginning stands before it.</summary>
    private static bool BeginsMember(string answer, int at)
    {
        var before = answer.AsSpan(0, at).TrimEnd();
        return before.IsEmpty || "{｛,，、;；".Contains(before[^1]) || answer.AsSpan(before.Length, at - before.Length).Contains('\n');
    }

    private void Take(int part, string? text)
    {
        if (part == Role)
        {
            _speaker = Part(text ?? "") is var speaker and (Question or Answer) ? speaker : System;
        }
        if (part == Content && _speaker is Question or Answer)
        {
            part = _speaker.Value;
        }
        if (part is not (Question or Input or Answer))
        {
            return;
        }
        if (_parts[part] is not null)
        {
            End();
        }
        _noText |= text is null && part != Input;
        _parts[part] = text is null ? null : Blanks.Trim(text);
    }

    /// <summary>A turn's object holds half of a record.</summary>
    private void EndObject()
    {
        if (_speaker is null or Answer)
        {
            End();
        }
        _speaker = null;
    }

    /// <summary>Ends the last record, when one was begun.</summary>
    private void End()
    {
        // An input without an instruction is the question.
        var (question, input, answer) = _parts is [null or "", { Length: > 0 } only, var said] ? (only, "", said)
            : (_parts[Question], _parts[Input] ?? "", _parts[Answer]);
        var problem = _noText ? NoText
            : question is null || answer is null ? Incomplete
            : IsEcho(question) || IsEcho(answer) ? "a schema, not a record" : null;
        if (problem is null)
        {
            _records.Add(new(question!, input, answer!));
        }
        else if (_noText || _parts.Any(part => part is not null))
        {
            _dropped.Add(problem);
        }
        (_parts, _noText) = (new string?[3], false);
    }

    /// <summary>The dots of <c>{"instruction": "..."}</c>.</summary>
    private static bool IsEcho(string text) =>
        text.Length > 0 && !text.Any(letter => char.IsLetterOrDigit(letter) || char.IsSurrogate(letter));

    private static int Part(Match key) => Part(key.Groups["key"].Value);

    /// <summary>Which part a key names, without its decoration: <c>**instruction**</c>, <c>output2</c>, <c>output（助手的回答）</c>.</summary>
    private static int Part(string key)
    {
        var bare = Decoration().Replace(key, "").ToLowerInvariant();
        return Array.FindIndex(Names, names => names.Contains(bare));
    }

    /// <summary>The text of a member, or null for a number, a word of JSON or Python, a list, or nothing.</summary>
    private static string? Value(string raw, int part)
    {
        raw = Blanks.Trim(raw);
        if (raw.Length == 0 || Words().IsMatch(raw))
        {
            return null;
        }
        var end = Close(raw);
        var text = end >= 0 ? raw[..end] : raw.TrimEnd("{}[]｝,，、;； \r\n\t".ToCharArray());
        // Three marks are Python's for a text of several lines.
        text = text is [var open, var second, var third, ..] && Marks.Contains(open) && open == second && open == third
            ? text[3..].TrimEnd(open)
            : text.Length > 0 && Marks.Contains(text[0]) ? text[1..] : text;
        text = Control().Replace(Escape().Replace(text, Meant), "");
        // One mark too many.
        text = text.Length > 0 && Marks.Contains(text[^1]) && text.Count(letter => letter == text[^1]) % 2 == 1 ? text[..^1] : text;
        // Half of a character, or a damaged one.
        return text.EnumerateRunes().Contains(Rune.ReplacementChar) ? null : text;
    }

    /// <summary>Where the mark stands that closes a text, or -1: the first one after which its object ends, or nothing comes.</summary>
    private static int Close(string raw) => Closing().Match(raw) is { Success: true } close ? close.Index : -1;

    private static string Meant(Match escape) => escape.Groups["code"] is { Success: true } code
        ? ((char)ushort.Parse(code.Value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)).ToString()
        : "bfnrt".IndexOf(escape.Value[1]) is var known and >= 0 ? "\b\f\n\r\t"[known].ToString()
        : char.IsAsciiLetterOrDigit(escape.Value[1]) ? escape.Value : escape.Value[1..];

    /// <summary>A question is a line, an answer all lines up to an empty one.</summary>
    private static string? LabelledText(string raw, int part) =>
        ItemText.Unquoted(part == Answer ? Paragraph().Split(raw.TrimStart(), 2)[0] : raw.Trim().Split('\n')[0]);

    /// <summary>Rows of two texts, a number before them aside. The heading and the line beneath it hold no record.</summary>
    private void Table(string answer)
    {
        foreach (var line in AnswerText.Lines(answer).Where(line => line.StartsWith('|')))
        {
            var cells = line.Trim('|').Split('|').Select(ItemText.Unquoted)
                .SkipWhile(cell => cell.Length < 4 && cell.All(letter => char.IsDigit(letter) || letter is '.' or '#')).ToList();
            if (cells.Count == 2 && cells[0].Any(char.IsLetter) && Part(cells[0]) != Question)
            {
                Take(Question, cells[0]);
                Take(Answer, cells[1]);
                End();
            }
        }
    }

    private const string Marks = "\"“”„＂'‘’`「『";
    private const string Space = @"[\s\u00AD\u200B-\u200F\u2060-\u2064\uFEFF]";
    private const string Comment = @"(?:(?://|\#)[^\n]{0,400}|/\*(?s:.{0,396}?)\*/)";
    private const string Gap = $@"(?>(?:{Space}|{Comment})*)";
    private const string Colon = $@"{Space}{{0,4}}(?:[:：]|=>?)";
    private const string Quoted = $@"[{Marks}](?<key>[^{Marks}」』\n:：]{{1,60}})[{Marks}」』\n]{Colon}";
    private const string Bare = $@"(?<key>[\p{{L}}\p{{Nd}}_-]{{1,60}}){Colon}";

    [GeneratedRegex(Quoted)]
    private static partial Regex QuotedKey();

    [GeneratedRegex($@"{Quoted}|(?<=[{{｛,，、;；\n]{Space}{{0,8}}){Bare}")]
    private static partial Regex AnyKey();

    [GeneratedRegex($@"[{{｛]{Space}{{0,8}}{Bare}")]
    private static partial Regex BareObject();

    [GeneratedRegex($@"(?<!\\)[{Marks}」』](?={Gap}[,，、;；]?{Gap}(?:[}}｝\]]|[{{｛]?{Space}*\z))")]
    private static partial Regex Closing();

    [GeneratedRegex(@"\A(?:null|None|NaN|nan|undefined|nil|true|True|false|False|-?[0-9][A-Za-z0-9.+-]{0,39})(?![A-Za-z0-9.+-])"
        + @"|\A[{｛\[}｝\],]")]
    private static partial Regex Words();

    [GeneratedRegex(@"\\(?:u(?<code>[0-9a-fA-F]{4})|[\s\S])")]
    private static partial Regex Escape();

    [GeneratedRegex(@"[\x00-\x08\x0B-\x1F]")]
    private static partial Regex Control();

    [GeneratedRegex(@"\n\s*(?:\n|```)")]
    private static partial Regex Paragraph();

    [GeneratedRegex(@"[（(].*$|[\s*#:：""'`]+|\d+$")]
    private static partial Regex Decoration();

    private const string Key = $"(?<key>{Questions}|{Answers})";
    private const string Labelled = @"^[^\p{L}\p{N}\n]{0,12}(?:\d{1,3}[^\p{L}\p{N}\n]{1,6})?"
        + $@"{Key}\s*\d{{0,3}}[*_`""'”]*\s*[:：][*_`]*[ \t]*";

    /// <summary>A label at the beginning of a line; or that of an answer in the line of its question.</summary>
    [GeneratedRegex($@"{Labelled}|(?<=\S)\s\W{{0,3}}(?<key>A|Answer|答|回答)[*_]*[ \t]*[:：][*_]*[ \t]*(?=.)",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.Multiline)]
    private static partial Regex Label();

    /// <summary>A label as a heading, whose text stands beneath it.</summary>
    [GeneratedRegex($@"^[ \t]*(?:#{{1,6}}[ \t]*|\*\*){Key}[ \t]*\d{{0,3}}\**[ \t\r]*\n(?>\s*)(?!{Labelled}|\|)",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.Multiline)]
    private static partial Regex Heading();
}
