using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.DataBuild.Records;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>
/// Instruction records however a chat model writes them: JSON objects, also inside a wrapper such as <c>{ "records": […] }</c>; the turns
/// of conversations; and where there is
/// no object at all, labelled lines (<c>Q:</c>, <c>答：</c>, <c>output:</c>) or a table of two columns. A record ends where the next one's
/// question or answer begins.
/// </summary>
internal sealed partial class RecordReader
{
    private const string Incomplete = "no instruction and output";

    private readonly List<InstructionRecord> _records = [];
    private readonly List<string> _dropped = [];
    private string? _question, _input, _answer;

    public static ReadAnswer<InstructionRecord> Read(string answer)
    {
        answer = Unwrapped(answer);
        var objects = LooseJson.Objects(answer);
        RecordReader lines = new();
        if (objects.Items.Count == 0 && lines.Lines(answer))
        {
            return new(lines._records, lines._dropped);
        }
        RecordReader reader = new();
        reader._dropped.AddRange(objects.Items.Count + objects.Dropped.Count == 0 ? [ReadAnswer.Prose] : objects.Dropped);
        foreach (var item in objects.Items)
        {
            try
            {
                reader.Object(item);
            }
            catch (InvalidOperationException)
            {
                // Half of a surrogate pair, which no file can hold.
                reader._dropped.Add(ReadAnswer.Malformed);
            }
        }
        reader.Flush();
        return new(reader._records, reader._dropped);
    }

    /// <summary>
    /// The answer without a layer of escapes: the whole of it as one JSON string, a backslash before each quote, or HTML's entities.
    /// </summary>
    private static string Unwrapped(string answer)
    {
        var text = Blanks.Trim(answer);
        return text.StartsWith('"') && text.EndsWith('"') && LooseJson.All(text) is { ValueKind: JsonValueKind.String } whole
                ? whole.GetString()!
            : text.Contains("{\"", StringComparison.Ordinal) ? answer
            : text.Contains("{\\\"", StringComparison.Ordinal) ? answer.Replace("\\\"", "\"", StringComparison.Ordinal)
            : text.Contains("&quot;", StringComparison.Ordinal) ? WebUtility.HtmlDecode(answer)
            : answer;
    }

    private void Object(JsonElement item)
    {
        var members = item.EnumerateObject().ToList();
        string? Text(params string[] names) =>
            members.Where(member => names.Contains(member.Name) && member.Value.ValueKind == JsonValueKind.String)
                .Select(member => member.Value.GetString()).FirstOrDefault();

        // A turn: OpenAI's role and content, or ShareGPT's from and value.
        var role = Text("role", "from");
        if (role is not null && Text("content", "value") is { } said && (IsAnswer(role) || IsQuestion(role)))
        {
            Take(role, said);
            if (IsAnswer(role))
            {
                End();
            }
        }
        else if (members.Any(member => IsAnswer(member.Name) && member.Value.ValueKind != JsonValueKind.Object)
            && members.Any(member => IsQuestion(member.Name) || IsInput(member.Name)))
        {
            Record(members);
        }
        else
        {
            var inner = members.SelectMany(member => Objects(member.Value)).ToList();
            inner.ForEach(Object);
            _dropped.AddRange(inner.Count == 0 && role is not "system" ? [Incomplete] : Array.Empty<string>());
        }
    }

    private void Record(List<JsonProperty> members)
    {
        Flush();
        if (members.Any(member => (IsQuestion(member.Name) || IsAnswer(member.Name)) && member.Value.ValueKind != JsonValueKind.String))
        {
            _dropped.Add("instruction or output is not a text");
            return;
        }
        foreach (var member in members.Where(member => member.Value.ValueKind == JsonValueKind.String))
        {
            Take(member.Name, member.Value.GetString()!);
        }
        Flush();
    }

    private static IEnumerable<JsonElement> Objects(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().SelectMany(Objects)
        : value.ValueKind == JsonValueKind.Object ? [value] : [];

    /// <summary>False when no line holds a record.</summary>
    private bool Lines(string answer)
    {
        var open = false;
        string? title = null;
        foreach (var line in answer.Split('\n').Select(Blanks.Trim))
        {
            if (line.StartsWith('|'))
            {
                Row(line);
            }
            else if (Label.Match(line) is { Success: true } label)
            {
                var (key, text) = (label.Groups["key"].Value, label.Groups["text"].Value);
                var both = IsAnswer(key) ? Match.Empty : AnswerInLine().Match(text);
                open = IsAnswer(key);
                Take(key, ItemText.Unquoted(both.Success ? both.Groups[1].Value : text));
                if (both.Success)
                {
                    Take("answer", ItemText.Unquoted(both.Groups[2].Value));
                }
            }
            else if (Heading.Match(line) is { Success: true } heading)
            {
                title = heading.Groups["key"].Value;
            }
            else if (title is not null && line.Length > 0)
            {
                open = IsAnswer(title);
                Take(title, ItemText.Unquoted(line));
                title = null;
            }
            else if (line.Length == 0 || line.StartsWith("```", StringComparison.Ordinal))
            {
                open = false;
            }
            else if (open && _answer is not null)
            {
                _answer = $"{_answer}\n{line}";
            }
            else
            {
                _dropped.Add(ReadAnswer.Prose);
            }
        }
        Flush();
        return _records.Count > 0;
    }

    /// <summary>A row of a table, a number before its two texts aside. The heading and the line beneath it hold no record.</summary>
    private void Row(string line)
    {
        var cells = line.Trim('|').Split('|').Select(cell => ItemText.Unquoted(Blanks.Trim(cell)))
            .SkipWhile(cell => cell.Length < 4 && cell.All(letter => char.IsDigit(letter) || letter is '.' or '#')).ToList();
        if (cells.Count == 2 && cells[0].Any(char.IsLetter) && !IsQuestion(cells[0]))
        {
            Take("question", cells[0]);
            Take("answer", cells[1]);
        }
    }

    private void Take(string key, string text)
    {
        if (!IsQuestion(key) && !IsInput(key) && !IsAnswer(key))
        {
            return;
        }
        ref var part = ref IsQuestion(key) ? ref _question : ref IsInput(key) ? ref _input : ref _answer;
        if (part is not null && (_question ?? _input) is not null && _answer is not null)
        {
            End();
        }
        part = Blanks.Trim(text);
    }

    /// <summary>Ends the last record, when one was begun.</summary>
    private void Flush()
    {
        if ((_question ?? _input ?? _answer) is not null)
        {
            End();
        }
    }

    private void End()
    {
        // An input without an instruction is the question.
        var (question, input) = string.IsNullOrEmpty(_question) && _input is { Length: > 0 } ? (_input, "") : (_question, _input ?? "");
        if (question is null || _answer is null)
        {
            _dropped.Add(Incomplete);
        }
        else if (IsEcho(question) || IsEcho(_answer))
        {
            _dropped.Add("a schema, not a record");
        }
        else
        {
            _records.Add(new(question, input, _answer));
        }
        _question = _input = _answer = null;
    }

    /// <summary>The dots of <c>{"instruction": "..."}</c>.</summary>
    private static bool IsEcho(string text) =>
        text.Length > 0 && !text.Any(letter => char.IsLetterOrDigit(letter) || char.IsSurrogate(letter));

    // What models call the question, the answer and the roles of a record, whatever they were told to call them.
    private const string Questions = "user_question|instructions|instruction|instrution|user_input|user_query|instruct|question|prompt"
        + "|query|human|user|q|用户问题|用户提问|指令|问题|提问|用户|问";

    private const string Answers = "assistant_response|assistant_answer|model_answer|completion|assistant|response|outputs|output"
        + "|answer|reply|gpt|a|助手回答|输出|回答|答案|回复|助手|答";

    private const string Keys = $"(?<key>{Questions}|{Answers})";

    private static bool IsQuestion(string key) => Question().IsMatch(Bare(key));

    private static bool IsAnswer(string key) => AnswerKey().IsMatch(Bare(key));

    private static bool IsInput(string key) => Bare(key) is "input" or "输入";

    /// <summary>Without decoration (<c>**instruction**</c>), number (<c>output2</c>) and explanation (<c>output（助手的回答）</c>).</summary>
    private static string Bare(string key) => Decoration().Replace(key, "").ToLowerInvariant();

    [GeneratedRegex(@"[（(].*$|[\s*#:：""'`]+|\d+$")]
    private static partial Regex Decoration();

    [GeneratedRegex($@"^(?:{Questions})\z")]
    private static partial Regex Question();

    [GeneratedRegex($@"^(?:{Answers})\z")]
    private static partial Regex AnswerKey();

    [GeneratedRegex(@"^[^\p{L}\p{N}]{0,12}(?:\d{1,3}[^\p{L}\p{N}]{1,6})?"
        + $@"{Keys}\s*\d{{0,3}}[*_`""'”]*\s*[:：][*_`]*\s*(?<text>.*)$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Label { get; }

    /// <summary>A label as a heading, whose text stands beneath it.</summary>
    [GeneratedRegex($@"^(?:#{{1,6}}\s*|\*\*){Keys}\s*\d{{0,3}}\**$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Heading { get; }

    /// <summary>A question and its answer in one line.</summary>
    [GeneratedRegex(@"^(.+?)\s\W{0,3}(?:A|Answer|答|回答)[*_]*\s*[:：][*_]*\s*(.+)$", RegexOptions.CultureInvariant)]
    private static partial Regex AnswerInLine();
}
