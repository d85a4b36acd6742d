using LoraAspire.DataBuild.Records;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>Questions and answers in the order in which they are met, made into records: a record ends where the next one's question or answer begins.</summary>
internal sealed class RecordCollector(List<InstructionRecord> records, List<string> dropped)
{
    public const string Incomplete = "no instruction and output";

    private string? _question, _input, _answer;

    public bool HasAnswer => _answer is not null;

    public void Question(string text) => Set(ref _question, text);

    public void Input(string text) => Set(ref _input, text);

    public void Answer(string text) => Set(ref _answer, text);

    /// <summary>Another line of the answer.</summary>
    public void Append(string line) => _answer = $"{_answer}\n{line}";

    public void End()
    {
        // An input without an instruction is the question.
        var (question, input) = string.IsNullOrEmpty(_question) && _input is { Length: > 0 } ? (_input, "") : (_question, _input ?? "");
        if (question is null || _answer is null)
        {
            dropped.Add(Incomplete);
        }
        else if (IsEcho(question) || IsEcho(_answer))
        {
            dropped.Add("a schema, not a record");
        }
        else
        {
            records.Add(new(question, input, _answer));
        }
        _question = _input = _answer = null;
    }

    /// <summary>Ends the last record, when one was begun.</summary>
    public void Flush()
    {
        if ((_question ?? _input ?? _answer) is not null)
        {
            End();
        }
    }

    private void Set(ref string? part, string text)
    {
        if (part is not null && (_question ?? _input) is not null && _answer is not null)
        {
            End();
        }
        part = Blanks.Trim(text);
    }

    /// <summary>The dots of <c>{"instruction": "..."}</c>.</summary>
    private static bool IsEcho(string text) => text.Length > 0 && !text.Any(letter => char.IsLetterOrDigit(letter) || char.IsSurrogate(letter));
}
