using System.Text;
using System.Text.Json;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Evaluator.Asking;

/// <summary>
/// A question with choices, as MMLU has it (<c>question</c>, <c>choices</c>, <c>answer</c> from 0, <c>subject</c>), or as C-Eval and CMMLU
/// (<c>question</c>, <c>A</c> to <c>D</c>, <c>answer</c> a letter; capitals don't count).
/// </summary>
/// <param name="Answer">From 0.</param>
internal sealed record ChoiceRow(string Question, IReadOnlyList<string> Choices, int Answer, string? Subject)
{
    private const string Letters = "ABCDEFGHIJ";

    public static IReadOnlyList<ChoiceRow> Read(DataRoot data, string name) => HeldOutFile.Read(data, name, Row,
        "question, choices (a list of 2 to 10 texts, or A, B, C, D) and answer (a number from 0, or a letter)");

    public string Letter(int choice) => Letters[choice].ToString();

    /// <summary>Question, choices by letter and the word that asks for one: lm-evaluation-harness' prompts without examples.</summary>
    public string Prompt()
    {
        var chinese = Question.Any(letter => letter is >= '\u4e00' and <= '\u9fff');
        StringBuilder prompt = new();
        if (Subject is { Length: > 0 })
        {
            var subject = Subject.Replace('_', ' ');
            prompt.Append(chinese ? $"以下是中国关于{subject}的单项选择题，请选出其中的正确答案。\n\n"
                : $"The following are multiple choice questions (with answers) about {subject}.\n\n");
        }
        prompt.Append(Question.Trim()).Append('\n');
        foreach (var (i, choice) in Choices.Index())
        {
            prompt.Append(Letters[i]).Append(". ").Append(choice).Append('\n');
        }
        return prompt.Append(chinese ? "答案：" : "Answer:").ToString();
    }

    private static ChoiceRow? Row(JsonElement record)
    {
        if (record.ValueKind != JsonValueKind.Object)
        {
            return null;
        }
        Dictionary<string, JsonElement> fields = new(StringComparer.OrdinalIgnoreCase);
        foreach (var field in record.EnumerateObject())
        {
            fields[field.Name] = field.Value;
        }
        string? Text(string name) => fields.TryGetValue(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString() : null;
        List<string> choices = fields.TryGetValue("choices", out var list) && list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Select(choice => choice.GetString() ?? "")]
            : [.. Letters.Select(letter => Text(letter.ToString())).TakeWhile(choice => choice is not null).OfType<string>()];
        var answer = !fields.TryGetValue("answer", out var right) ? -1
            : right.ValueKind == JsonValueKind.Number && right.TryGetInt32(out var number) ? number
            : right.ValueKind == JsonValueKind.String && right.GetString()!.Trim() is [var letter]
                ? Letters.IndexOf(char.ToUpperInvariant(letter), StringComparison.Ordinal) : -1;
        return Text("question") is { } question && choices.Count is >= 2 and <= 10 && answer >= 0 && answer < choices.Count
            ? new(question, choices, answer, Text("subject")) : null;
    }
}
