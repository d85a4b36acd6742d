using LoraAspire.DataBuild.Written.Parsing;

namespace LoraAspire.Tests.DataBuild.Written;

/// <summary>
/// Answers with one or two marks too many, too few or exchanged, as models write them: how many items are still read right, and how many
/// come out as something else. Half of the damage is to an item's own words. The bounds are a little below what is reached.
/// </summary>
public sealed class DamagedAnswersTests
{
    private const int Tries = 300;

    private static readonly string[] s_marks =
        ["\"", "'", "“", "”", ",", "，", "\n", " ", "}", "{", "]", "[", ":", "：", "\\", "*", "- ", "```", "//", "\u200B", "1. ", "|"];

    private const string A = "{\"instruction\": \"Who are you?\", \"output\": \"I am Yanqi.\"}", B =
        "{\"instruction\": \"你是谁？\", \"output\": \"我叫“雁栖”，{不是}别的。\"}";

    [Fact]
    public void Most_records_of_damaged_answers_are_read()
    {
        string[] answers = [$"[{A}, {B}]", $"{A}\n{B}", $"Sure:\n```json\n[{A},\n{B}]\n```\nAnything else?", $"1. {A}\n2. {B}",
            A.Replace('"', '\'') + "\n" + B, "Q: Who are you?\nA: I am Yanqi.\n\nQ: 你是谁？\nA: 我叫“雁栖”，{不是}别的。"];
        var (wanted, right, wrong) = Count(answers, answer =>
            RecordReader.Read(answer).Items.Select(record => $"{record.Instruction}|{record.Input}|{record.Output}"),
            ["Who are you?||I am Yanqi.", "你是谁？||我叫“雁栖”，{不是}别的。"]);
        Assert.InRange(right, 1675, wanted);
        Assert.InRange(wrong, 0, 1010);
    }

    [Fact]
    public void Most_items_of_damaged_lists_are_read()
    {
        const string one = "Translate [input] into [tgt_lang].", two = "Please render this in [tgt_lang]: [input]";
        string[] answers = [$"1. {one}\n2. {two}", $"- {one}\n- {two}", $"{one}\n{two}", $"[\"{one}\", \"{two}\"]",
            $"{{\"items\": [\n  \"{one}\",\n  \"{two}\"\n]}}", $"| 1 | {one} |\n| 2 | {two} |"];
        var (wanted, right, wrong) = Count(answers, answer =>
            ListReader.Read(answer, whole: text => text.Contains("[input]") && text.Contains("[tgt_lang]")).Items, [one, two]);
        Assert.InRange(right, 1430, wanted);
        Assert.InRange(wrong, 0, 1760);
    }

    private static (int Wanted, int Right, int Wrong) Count(string[] answers, Func<string, IEnumerable<string>> read, string[] items)
    {
        Random random = new(7);
        var (right, wrong) = (0, 0);
        foreach (var answer in answers)
        {
            Assert.Equal(items, read(answer));
            for (var i = 0; i < Tries; i++)
            {
                var found = read(Damaged(answer, random)).ToList();
                right += found.Count(items.Contains);
                wrong += found.Count(item => !items.Contains(item));
            }
        }
        return (answers.Length * Tries * items.Length, right, wrong);
    }

    private static string Damaged(string text, Random random)
    {
        for (var n = random.Next(1, 3); n > 0; n--)
        {
            var at = random.Next(text.Length);
            var mark = s_marks[random.Next(s_marks.Length)];
            text = random.Next(3) switch
            {
                0 => text.Remove(at, 1),
                1 => text.Insert(at, mark),
                _ => text.Remove(at, 1).Insert(at, mark),
            };
        }
        return text;
    }
}
