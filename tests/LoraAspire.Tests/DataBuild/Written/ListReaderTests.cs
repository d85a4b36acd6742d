using System.Diagnostics;
using System.Text.RegularExpressions;
using LoraAspire.ChatClients.Parsing;
using LoraAspire.DataBuild.Written;
using LoraAspire.DataBuild.Written.Parsing;

namespace LoraAspire.Tests.DataBuild.Written;

public sealed class ListReaderTests
{
    [Theory]
    [InlineData("1. Put [input] into [tgt_lang].")]
    [InlineData("1) Put [input] into [tgt_lang].")]
    [InlineData("1、Put [input] into [tgt_lang].")]
    [InlineData("（1）Put [input] into [tgt_lang].")]
    [InlineData("(1) Put [input] into [tgt_lang].")]
    [InlineData("①Put [input] into [tgt_lang].")]
    [InlineData("- Put [input] into [tgt_lang].")]
    [InlineData("* Put [input] into [tgt_lang].")]
    [InlineData("•  Put [input] into [tgt_lang].")]
    [InlineData("- 1. Put [input] into [tgt_lang].")]
    [InlineData("  12. Put [input] into [tgt_lang].  ")]
    [InlineData("**1.** Put [input] into [tgt_lang].")]
    [InlineData("**1. Put [input] into [tgt_lang].**")]
    [InlineData("1. **Put [input] into [tgt_lang].**")]
    [InlineData("1. \"Put [input] into [tgt_lang].\"")]
    [InlineData("1. “Put [input] into [tgt_lang].”")]
    [InlineData("1. ”Put [input] into [tgt_lang].”")]
    [InlineData("1. 「Put [input] into [tgt_lang].」")]
    [InlineData("1. `Put [input] into [tgt_lang].`")]
    [InlineData("1. **\"Put [input] into [tgt_lang].\"**")]
    [InlineData("1. Put **[input]** into [tgt_lang].")]
    [InlineData(@"1. Put \[input\] into \[tgt\_lang\].")]
    [InlineData("1.\nPut [input] into [tgt_lang].")]
    [InlineData("> 1. Put [input] into [tgt_lang].")]
    [InlineData("```\n1. Put [input] into [tgt_lang].\n```")]
    [InlineData("```json\n[\n  \"Put [input] into [tgt_lang].\",\n]\n```")]
    [InlineData("[\"Put [input] into [tgt_lang].\"]")]
    public void An_item_is_read_however_it_is_marked(string answer)
    {
        var read = ListReader.Read(answer);
        Assert.Equal(["Put [input] into [tgt_lang]."], read.Items);
        Assert.Empty(read.Dropped);
    }

    /// <summary>A, B and C are items that hold [input] and [tgt_lang].</summary>
    [Theory]
    [InlineData("一、A\n二、B\n三、C")]
    [InlineData("（一）A\n（二）B\n（三）C")]
    [InlineData("1 - A\n2 - B\n3 - C")]
    [InlineData("#1 A\n#2 B\n#3 C")]
    [InlineData("[1] A\n[2] B\n[3] C")]
    [InlineData("1\\. A\n2\\. B\n3\\. C")]
    [InlineData("a) A\nb) B\nc) C")]
    [InlineData("+ A\n+ B\n+ C")]
    [InlineData("● A\n●B\n● C")]
    [InlineData("1️⃣ A\n2️⃣ B\n3️⃣ C")]
    [InlineData("### Template 1\nA\n\n### Template 2\nB\n\n### Template 3\nC")]
    [InlineData("**1. Formal**\nA\n**2. Polite**\nB\n**3. Short**\nC")]
    [InlineData("Template 1: A\nTemplate 2: B\nTemplate 3: C")]
    [InlineData("模板1：A\n模板2：B\n模板3：C")]
    [InlineData("| # | Template |\n|---|---|\n| 1 | A |\n| 2 | B |\n| 3 | C |")]
    [InlineData("<ol><li>A</li><li>B</li>\n<li>C</li></ol>")]
    [InlineData("`A`\n`B`\n`C`")]
    [InlineData("1. 'A'\n2. *B*\n3. _C_")]
    [InlineData("1. A<br>\n2. B<br/>\n3. C<br>")]
    [InlineData("1. Template: A\n2. **Formal:** B\n3. **Polite request**: C")]
    [InlineData("1. A (formal)\n2. \"B\" – polite\n3. C (very short)")]
    [InlineData("A\nB\nC")]
    [InlineData("Here are some with [input] and [tgt_lang]:\nA\nB\nC")]
    [InlineData("\uFEFF1. A\n\u200B2. B\n\u200B3. C")]
    [InlineData("1. A 2. B 3. C")]
    [InlineData("<templates>\n <template>A</template>\n <template>B</template>\n <template>C</template>\n</templates>")]
    [InlineData("* **1.** A\n* **2.** B\n* **3.** C")]
    [InlineData("1. „A“\n2. **Variant 2** – B\n3. “C” # a comment")]
    [InlineData("1— A\n2— B\n3— C")]
    [InlineData("template_1 = \"A\"\ntemplate_2 = \"B\"\ntemplate_3 = \"C\"")]
    [InlineData("A\nB\nC\n\nAll templates keep [input] and [tgt_lang].")]
    [InlineData("[\"A\", \"B\", \"C\"]")]
    [InlineData("Here:\n```json\n[\n  \"A\",\n  \"B\",\n  \"C\",\n]\n```\nEnjoy!")]
    [InlineData("{\"templates\": [\"A\", \"B\",\n \"C\"]}")]
    [InlineData("{\n  \"count\": 3,\n  \"templates\": [\n    \"A\",\n    \"B\",\n    \"C\"\n  ]\n}")]
    [InlineData("[{\"template\": \"A\", \"style\": \"formal\"}, {\"template\": \"B\"},\n{\"id\": 3, \"template\": \"C\"}]")]
    [InlineData("{\"template\": \"A\"}\n{\"template\": \"B\"}\n{\"template\": \"C\"}")]
    [InlineData("{\"1\": \"A\", \"2\": \"B\", \"3\": \"C\"}")]
    [InlineData("\"1\": \"A\",\n\"2\": \"B\",\n\"3\": \"C\",")]
    [InlineData("['A', 'B', 'C']")]
    [InlineData("[\n  \"A\", \"B\",\n  \"C\"")]
    public void Every_item_is_read_by_what_it_must_hold_without_any_of_its_marks(string answer)
    {
        string[] items =
            ["Translate [input] into [tgt_lang].", "Please render this in [tgt_lang]: [input]", "Say \\\"[input]\\\" in [tgt_lang]"];
        string[] plain = [items[0], items[1], "Say \"[input]\" in [tgt_lang]"];
        // A quote is escaped where JSON asks for it.
        var json = answer.Contains("\"C\"");
        answer = Regex.Replace(answer, @"(?<![A-Za-z])[ABC](?![A-Za-z])", match => (json ? items : plain)[match.Value[0] - 'A']);
        Assert.Equal(plain, ListReader.Read(answer, whole: Whole).Items);
    }

    private static readonly TemplateAssignment Template = new("t", "t", ["Say [input] in [tgt_lang]"], [], 1);

    private static bool Whole(string text) => text.Contains("[input]") && text.Contains("[tgt_lang]");

    [Theory]
    [InlineData("1. Translate the following sentence\n   into [tgt_lang]: [input]\n2. Other [tgt_lang]:\n[input]",
        "Translate the following sentence into [tgt_lang]: [input]|Other [tgt_lang]: [input]")]
    [InlineData("1. \"Translate into [tgt_lang]:\n\n[input]\"", "Translate into [tgt_lang]: [input]")]
    [InlineData("1. 请译成[tgt_lang]：\n[input]", "请译成[tgt_lang]：[input]")]
    [InlineData("1. Nothing in it.\n\nNote: keep [input] and [tgt_lang].", "Nothing in it.")]
    public void An_item_that_lacks_something_goes_on_in_the_next_line(string answer, string items) =>
        Assert.Equal(items.Split('|'), ListReader.Read(answer, whole: Whole).Items);

    [Theory]
    [InlineData("1. Formal: [input] [tgt_lang]", "Formal: [input] [tgt_lang]")]
    [InlineData("1. Say [input] (in [tgt_lang])", "Say [input] (in [tgt_lang])")]
    [InlineData("1. Say [input] in [tgt_lang] (please)", "Say [input] in [tgt_lang] (please)")]
    [InlineData("1. Translate into [tgt_lang]: [input]", "Translate into [tgt_lang]: [input]")]
    public void A_label_that_is_the_item_stays(string answer, string item) =>
        Assert.Equal([item], ListReader.Read(answer, whole: Whole).Items);

    [Fact]
    public void A_list_of_one_endless_line_of_marks_takes_no_long_search()
    {
        var clock = Stopwatch.StartNew();
        foreach (var unit in new[] { "”", "\"a\"", "**", "1. ", "[\"a", "{\"a\":", "- ", "<li>", " ", "\"#", "[ ", "( ",
            "1. [input] [tgt_lang] 2. " })
        {
            var hostile = string.Concat(Enumerable.Repeat(unit, 200_000 / unit.Length)) + "x";
            ListReader.Read(hostile, whole: Whole);
            ListReader.Read("1. [input] [tgt_lang] \"[" + hostile, whole: Whole);
            Template.Read($"1. [input] [{hostile}", cutOff: false);
        }
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"{clock.Elapsed}");
    }

    [Theory]
    [InlineData(",")]
    [InlineData("[\n,;\n1. One [input] [tgt_lang]")]
    [InlineData("{\n,")]
    public void A_line_of_commas_alone_ends_no_reading(string answer) =>
        Assert.Equal(answer.Contains("One") ? 1 : 0, ListReader.Read(answer, whole: Whole).Items.Count);

    [Theory]
    [InlineData("1. \"[input]\" means what in [tgt_lang]? Say \"[tgt_lang]\"", "\"[input]\" means what in [tgt_lang]? Say \"[tgt_lang]\"")]
    [InlineData("1. “[input]” in [tgt_lang] is “what”", "“[input]” in [tgt_lang] is “what”")]
    [InlineData("1. \"Translate \"[input]\" into [tgt_lang].\"", "Translate \"[input]\" into [tgt_lang].")]
    [InlineData("1. 把“[input]”译成[tgt_lang]。", "把“[input]”译成[tgt_lang]。")]
    [InlineData("[input] - say it in [tgt_lang]", null)]
    [InlineData("1.5 million people", null)]
    public void Quotes_and_numbers_that_belong_to_the_text_stay(string answer, string? item) =>
        Assert.Equal(item is null ? [] : [item], ListReader.Read(answer).Items);

    [Fact]
    public void Prose_before_between_and_after_is_dropped_with_its_reason()
    {
        var read =
            ListReader.Read("Sure! Here are two templates:\n\n1. One [input]\nsome words\n2. Two [input]\n\nLet me know if you need more.");
        Assert.Equal(["One [input]", "Two [input]"], read.Items);
        Assert.Equal(["prose around the items", "prose around the items", "prose around the items"], read.Dropped);
    }

    [Theory]
    [InlineData("<think>1. A draft [input]\n</think>\n1. One [input]", "1. One [input]")]
    [InlineData("1. A draft [input]\n</think>\n\n1. One [input]", "1. One [input]")]
    [InlineData("<think>\n1. A draft [input]", "")]
    [InlineData("<reasoning>\n1. A draft [input]\n</reasoning>\n1. One [input]", "1. One [input]")]
    [InlineData("<thought>1. A draft [input]</thought>\n1. One [input]", "1. One [input]")]
    [InlineData("1. One [input]\n2. Don't write <think> for [input]", "1. One [input]\n2. Don't write <think> for [input]")]
    [InlineData("1. One [input]", "1. One [input]")]
    public void What_a_model_says_to_itself_is_no_answer(string answer, string rest) =>
        Assert.Equal(rest, ReadAnswer.WithoutThinking(answer));

    [Fact]
    public void The_last_item_of_an_answer_that_was_cut_off_is_dropped()
    {
        var read = ListReader.Read("1. One [input]\n2. Two [in", cutOff: true);
        Assert.Equal(["One [input]"], read.Items);
        Assert.Equal(["cut off in the middle"], read.Dropped);
    }
}
