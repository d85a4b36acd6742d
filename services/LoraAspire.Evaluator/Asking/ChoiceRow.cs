using System.Text;

namespace LoraAspire.Evaluator.Asking;

/// <summary>A question with choices.</summary>
/// <param name="Answer">From 0.</param>
internal sealed record ChoiceRow(string Question, IReadOnlyList<string> Choices, int Answer, string? Subject)
{
    public const string Letters = "ABCDEFGHIJ";

    /// <summary>Null where it isn't a question with 2 to 10 choices, one of which is right.</summary>
    /// <param name="answer">A number from 0, or a letter; capitals don't count.</param>
    public static ChoiceRow? Of(string? question, IReadOnlyList<string> choices, string? answer, string? subject)
    {
        var right = answer?.Trim() is not [var letter] ? -1
            : char.IsAsciiDigit(letter) ? letter - '0' : Letters.IndexOf(char.ToUpperInvariant(letter), StringComparison.Ordinal);
        return question is not null && choices.Count is >= 2 and <= 10 && right >= 0 && right < choices.Count
            ? new(question, choices, right, subject) : null;
    }

    public string Letter(int choice) => Letters[choice].ToString();

    /// <summary>
    /// lm-evaluation-harness' prompt: what the subject is, examples with their answers, the question, its choices by letter, and the word
    /// that asks for one.
    /// </summary>
    public string Prompt(IEnumerable<ChoiceRow>? examples = null)
    {
        StringBuilder prompt = new();
        if (Subject is { Length: > 0 })
        {
            var subject = Subject.Replace('_', ' ');
            prompt.Append(IsChinese ? $"以下是中国关于{subject}的单项选择题，请选出其中的正确答案。\n\n"
                : $"The following are multiple choice questions (with answers) about {subject}.\n\n");
        }
        foreach (var example in examples ?? [])
        {
            prompt.Append(example.Asked()).Append(' ').Append(example.Letter(example.Answer)).Append("\n\n");
        }
        return prompt.Append(Asked()).ToString();
    }

    private bool IsChinese => Question.Any(letter => letter is >= '\u4e00' and <= '\u9fff');

    private string Asked() => $"{Question.Trim()}\n{string.Concat(Choices.Select((choice, i) => $"{Letters[i]}. {choice}\n"))}"
        + (IsChinese ? "答案：" : "Answer:");
}
