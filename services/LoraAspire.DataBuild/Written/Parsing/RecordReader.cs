using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.ChatClients.Parsing;
using LoraAspire.DataBuild.Records;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>
/// Instruction records however a chat model writes them: JSON objects, also inside a wrapper such as <c>{ "records": […] }</c>; the turns
/// of conversations; and where there is no object at all, labelled lines (<c>Q:</c>, <c>答：</c>, <c>output:</c>) or a table of two columns.
/// A record ends where the next one's question or answer begins.
/// </summary>
internal sealed partial class RecordReader
{
    private const string Incomplete = "no instruction and output";

    // What models call the question, the answer and the roles of a record, whatever they were told to call them.
    private const string Questions = "user_question|instructions|instruction|instrution|user_input|user_query|instruct|question|prompt"
        + "|query|human|user|q|用户问题|用户提问|指令|问题|提问|用户|问";

    private const string Answers = "assistant_response|assistant_answer|model_answer|completion|assistant|response|outputs|output"
        + "|answer|reply|gpt|a|助手回答|输出|回答|答案|回复|助手|答";

    private const int Question = 0, Input = 1, Answer = 2;

    /// <summary>Name → which of <see cref="_parts"/> it is.</summary>
    private static readonly Dictionary<string, int> Names = new[] { Questions, "input|输入", Answers }
        .SelectMany((names, part) => names.Split('|').Select(name => (name, part))).ToDictionary(StringComparer.OrdinalIgnoreCase);

    private readonly List<InstructionRecord> _records = [];
    private readonly List<string> _dropped = [];
    private string?[] _parts = new string?[3];

    public static ReadAnswer<InstructionRecord> Read(string answer)
    {
        answer = Unwrapped(answer);
        var objects = LooseJson.Objects(answer);
        RecordReader lines = new(), reader = new();
        if (objects.Items.Count == 0 && lines.Lines(answer))
        {
            return new(lines._records, lines._dropped);
        }
        reader._dropped.AddRange(objects.Items.Count + objects.Dropped.Count == 0 ? [ReadAnswer.Prose] : objects.Dropped);
        objects.Items.ToList().ForEach(reader.Object);
        reader.End();
        return new(reader._records, reader._dropped);
    }

    /// <summary>
    /// The answer without a layer of escapes: the whole of it as one JSON string, a backslash before each quote, or HTML's entities.
    /// </summary>
    private static string Unwrapped(string answer) =>
        Blanks.Trim(answer) is ['"', .., '"'] text && LooseJson.All(text) is [{ ValueKind: JsonValueKind.String } all] ? all.GetString()!
            : answer.Contains("{\"", StringComparison.Ordinal) ? answer
            : answer.Contains("{\\\"", StringComparison.Ordinal) ? answer.Replace("\\\"", "\"", StringComparison.Ordinal)
            : answer.Contains("&quot;", StringComparison.Ordinal) ? WebUtility.HtmlDecode(answer)
            : answer;

    private void Object(JsonElement item)
    {
        var members = item.EnumerateObject().Select(member => (member.Name, Part: Part(member.Name), member.Value,
            IsText: member.Value.ValueKind == JsonValueKind.String)).ToList();
        string? Text(params string[] names) => members.Where(member => member.IsText && names.Contains(member.Name))
            .Select(member => member.Value.GetString()).FirstOrDefault();

        // A turn: OpenAI's role and content, or ShareGPT's from and value.
        var role = Text("role", "from");
        if (role is not null && Part(role) is Question or Answer && Text("content", "value") is { } said)
        {
            Take(Part(role), said);
        }
        else if (members.Any(member => member.Part == Answer && member.Value.ValueKind != JsonValueKind.Object)
            && members.Any(member => member.Part is Question or Input))
        {
            End();
            if (members.Any(member => member.Part is Question or Answer && !member.IsText))
            {
                _dropped.Add("instruction or output is not a text");
                return;
            }
            members.Where(member => member.IsText && member.Part >= 0).ToList()
                .ForEach(member => Take(member.Part, member.Value.GetString()!));
            End();
        }
        else
        {
            var inner = members.SelectMany(member => Objects(member.Value)).ToList();
            inner.ForEach(Object);
            _dropped.AddRange(inner.Count == 0 && role is not "system" ? [Incomplete] : Array.Empty<string>());
        }
    }

    private static IEnumerable<JsonElement> Objects(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().SelectMany(Objects)
        : value.ValueKind == JsonValueKind.Object ? [value] : [];

    /// <summary>False when no line holds a record.</summary>
    private bool Lines(string answer)
    {
        var open = false;
        foreach (var line in Heading().Replace(answer, "${key}: ").Split('\n').Select(Blanks.Trim))
        {
            if (line.StartsWith('|'))
            {
                // A row of a table, a number before its two texts aside. The heading and the line beneath it hold no record.
                var cells = line.Trim('|').Split('|').Select(cell => ItemText.Unquoted(Blanks.Trim(cell)))
                    .SkipWhile(cell => cell.Length < 4 && cell.All(letter => char.IsDigit(letter) || letter is '.' or '#')).ToList();
                if (cells.Count == 2 && cells[0].Any(char.IsLetter) && Part(cells[0]) != Question)
                {
                    Take(Question, cells[0]);
                    Take(Answer, cells[1]);
                }
            }
            else if (Label().Match(line) is { Success: true } label)
            {
                open = Part(label.Groups["key"].Value) == Answer;
                // A question and its answer may stand in one line.
                var texts = open ? [label.Groups["text"].Value] : AnswerInLine().Split(label.Groups["text"].Value, 2);
                Take(open ? Answer : Question, ItemText.Unquoted(texts[0]));
                texts[1..].ToList().ForEach(text => Take(Answer, ItemText.Unquoted(text)));
            }
            else if (line.Length == 0 || line.StartsWith("```", StringComparison.Ordinal))
            {
                open = false;
            }
            else if (open && _parts[Answer] is { } begun)
            {
                _parts[Answer] = $"{begun}\n{line}";
            }
            else
            {
                _dropped.Add(ReadAnswer.Prose);
            }
        }
        End();
        return _records.Count > 0;
    }

    private void Take(int part, string text)
    {
        if (_parts[part] is not null && (_parts[Question] ?? _parts[Input]) is not null && _parts[Answer] is not null)
        {
            End();
        }
        _parts[part] = Blanks.Trim(text);
    }

    /// <summary>Ends the last record, when one was begun.</summary>
    private void End()
    {
        // An input without an instruction is the question.
        var (question, input, answer) = _parts is [null or "", { Length: > 0 } only, var said] ? (only, "", said)
            : (_parts[Question], _parts[Input] ?? "", _parts[Answer]);
        if (question is not null && answer is not null && !IsEcho(question) && !IsEcho(answer))
        {
            _records.Add(new(question, input, answer));
        }
        else if (_parts.Any(part => part is not null))
        {
            _dropped.Add(question is null || answer is null ? Incomplete : "a schema, not a record");
        }
        _parts = new string?[3];
    }

    /// <summary>The dots of <c>{"instruction": "..."}</c>.</summary>
    private static bool IsEcho(string text) =>
        text.Length > 0 && !text.Any(letter => char.IsLetterOrDigit(letter) || char.IsSurrogate(letter));

    /// <summary>Which part a key names under its decoration, or −1: <c>**instruction**</c>, <c>output2</c>, <c>output（助手的回答）</c>.</summary>
    private static int Part(string key) => Names.GetValueOrDefault(Decoration().Replace(key, ""), -1);

    private const string Key = $"(?<key>{Questions}|{Answers})";
    private const string Labelled = @"^[^\p{L}\p{N}]{0,12}(?:\d{1,3}[^\p{L}\p{N}]{1,6})?"
        + $@"{Key}\s*\d{{0,3}}[*_`""'”]*\s*[:：][*_`]*\s*";

    [GeneratedRegex(@"[（(].*$|[\s*#:：""'`]+|\d+$")]
    private static partial Regex Decoration();

    [GeneratedRegex($@"{Labelled}(?<text>.*)$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Label();

    /// <summary>A label as a heading, whose text stands beneath it.</summary>
    [GeneratedRegex($@"^[ \t]*(?:#{{1,6}}[ \t]*|\*\*){Key}[ \t]*\d{{0,3}}\**[ \t\r]*\n(?>\s*)(?!{Labelled}|\|)",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.Multiline)]
    private static partial Regex Heading();

    /// <summary>What stands between a question and its answer in one line.</summary>
    [GeneratedRegex(@"(?<=.)\s\W{0,3}(?:A|Answer|答|回答)[*_]*\s*[:：][*_]*\s*(?=.)", RegexOptions.CultureInvariant)]
    private static partial Regex AnswerInLine();
}
