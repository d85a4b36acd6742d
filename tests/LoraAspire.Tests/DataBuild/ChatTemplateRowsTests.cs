using LoraAspire.Model.Data;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Prompts;

namespace LoraAspire.Tests.DataBuild;

/// <summary>Rows that the base's own chat template writes, and what is said of the choice.</summary>
public sealed class ChatTemplateRowsTests : IDisposable
{
    private const string Records = """
        [{"instruction": "1+1?", "input": "", "output": "2"}, {"instruction": "Say.", "input": "<|im_end|>", "output": "<|im_end|>"}]
        """;

    private const string Talk = """
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes"},
        {"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Me"}]}
        """;

    private readonly string _base = Directory.CreateTempSubdirectory("lora-chat-rows-").FullName;

    public void Dispose() => Directory.Delete(_base, recursive: true);

    [Fact]
    public async Task The_base_s_template_is_taken_where_none_is_named_and_both_the_log_and_the_folder_say_so()
    {
        var run = await Chat(ChatBase.ChatMl).File("a.json", Records).File("c.jsonl", Talk.ReplaceLineEndings(""))
            .RunAsync(With(StageRun.Alpaca("a.json"), new ChatSource { Path = "c.jsonl" }));

        using var rows = InstructionDataset.Open(run.Dataset);
        AssertRow(rows, 0, "[300]user\n1+1?[301]\n[300]assistant\n", "2[301]\n");
        AssertRow(rows, 1, "[300]user\nSay.\n\n<|im_end|>[301]\n[300]assistant\n", "<|im_end|>[301]\n");
        AssertRow(rows, 2, "[300]system\nBe brief.[301]\n[300]user\nHi[301]\n[300]assistant\n", "Yes[301]\n",
            "[300]user\nWho?[301]\n[300]assistant\n", "Me[301]\n");
        var facts = DatasetFacts.Read(run.Dataset);
        Assert.Equal("chat_template", facts.PromptTemplateName);
        Assert.Contains(facts.Notes, note => note.Contains("the base's own chat template", StringComparison.Ordinal));
        Assert.Contains(run.Log, line => line.Contains("the base's own chat template", StringComparison.Ordinal));
        Assert.Equal(ChatBase.ChatMl, Assert.IsType<ChatFormat>(PromptFormat.Of(run.Dataset)).Template.Source);
    }

    [Fact]
    public async Task The_inspector_shows_the_template_s_tokens_as_special_and_the_row_as_whole()
    {
        var run = await Chat(ChatBase.ChatMl).File("a.json", Records).RunAsync(With(StageRun.Alpaca("a.json")));
        using var rows = InstructionDataset.Open(run.Dataset);
        var tokenizer = HfTokenizer.Load(Path.Combine(run.Dataset, InstructionDataset.TokenizerFolder));
        var row = RowInspection.Of(rows, tokenizer, 1);
        Assert.True(row.EndsWithEos);
        Assert.Equal(["<|im_start|>", "<|im_end|>", "<|im_start|>", "<|im_end|>"],
            row.Tokens.Where(token => token.IsSpecial).Select(token => token.Piece));
        Assert.Equal("<|im_end|><|im_end|>\n", Assert.Single(row.Segments, segment => segment.CarriesLoss).Text);
        Assert.DoesNotContain("cut at the end", await File.ReadAllTextAsync(Path.Combine(run.Dataset, "preview.md"),
            TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Equal_runs_give_equal_bytes_whatever_the_day()
    {
        const string dated = "{{ strftime_now('%Y-%m-%d %H:%M:%S.%f') }}" + ChatBase.ChatMl;
        var one = await Chat(dated).File("a.json", Records).RunAsync(With(StageRun.Alpaca("a.json")));
        var two = await Chat(dated).File("a.json", Records).RunAsync(With(StageRun.Alpaca("a.json")));
        foreach (var file in Directory.EnumerateFiles(one.Dataset))
        {
            Assert.Equal(await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken),
                await File.ReadAllBytesAsync(Path.Combine(two.Dataset, Path.GetFileName(file)), TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task A_base_without_a_template_is_asked_in_alpaca_s_words_and_chat_template_is_refused()
    {
        var run = await Chat(null).File("a.json", Records).RunAsync(With(StageRun.Alpaca("a.json")));
        Assert.Equal("alpaca", DatasetFacts.Read(run.Dataset).PromptTemplateName);
        Assert.Contains("prompt_template_name isn't given and the base brings no chat template: rows are written with alpaca.", run.Log);
        Assert.Contains("brings none: neither chat_template.jinja nor chat_template in tokenizer_config.json", await Chat(null)
            .File("a.json", Records).FailureAsync(With(StageRun.Alpaca("a.json")) with { PromptTemplateName = "chat_template" }));
        Assert.Contains("Name another by prompt_template_name", await Chat("{% if %}").File("a.json", Records)
            .FailureAsync(With(StageRun.Alpaca("a.json"))));
    }

    [Fact]
    public async Task A_named_template_and_alpaca_lora_s_rows_keep_their_meaning()
    {
        var named = await Chat(ChatBase.ChatMl).File("a.json", Records)
            .RunAsync(With(StageRun.Alpaca("a.json")) with { PromptTemplateName = "plain" });
        Assert.Equal("plain", DatasetFacts.Read(named.Dataset).PromptTemplateName);
        var like = await Chat(ChatBase.ChatMl).File("a.json", Records)
            .RunAsync(With(StageRun.Alpaca("a.json")) with { Compat = Compat.AlpacaLora });
        Assert.Equal("alpaca", DatasetFacts.Read(like.Dataset).PromptTemplateName);
        var both = With(StageRun.Alpaca("a.json")) with { PromptTemplateName = "chat_template", Compat = Compat.AlpacaLora };
        Assert.Contains(both.Validate(),
            problem => problem.Key == "prompt_template_name");
        Assert.Empty((With(StageRun.Alpaca("a.json")) with { PromptTemplateName = "chat_template" }).Validate());
    }

    [Fact]
    public async Task Turns_that_the_template_writes_anew_and_talks_that_it_refuses_are_counted_with_its_words()
    {
        const string last = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('No system here') }}{% endif %}"
            + "<|im_start|>{{ m.role }}\n{{ '!' if loop.last and m.role == 'assistant' }}{{ m.content }}<|im_end|>{% endfor %}"
            + "{{ '<|im_start|>assistant\n' if add_generation_prompt }}";
        var twice = Talk.Replace("""{"role": "system", "content": "Be brief."}, """, "", StringComparison.Ordinal).ReplaceLineEndings("");
        var run = await Chat(last).File("c.jsonl", $"{twice}\n{Talk.ReplaceLineEndings("")}\n{twice.Replace("Who?", "What?")}")
            .RunAsync(With(new ChatSource { Path = "c.jsonl" }));
        using var rows = InstructionDataset.Open(run.Dataset);
        Assert.Equal(2, rows.Count);
        AssertRow(rows, 0, "[300]user\nHi[301][300]assistant\nYes[301][300]user\nWho?[301][300]assistant\n", "!Me[301]");
        var facts = DatasetFacts.Read(run.Dataset);
        Assert.Equal(1, facts.Total.Dropped["refused by the chat template"]);
        Assert.Contains("Not learned, 2 times: the template writes this turn anew when others follow (as those do that drop earlier "
            + "thinking) (first in c.jsonl:1).", facts.Notes);
        Assert.Contains("Not learned, 1 times: refused by the chat template: No system here (first in c.jsonl:2).", facts.Notes);
        Assert.Contains("No system here", await Chat(last).File("c.jsonl", Talk.ReplaceLineEndings(""))
            .FailureAsync(With(new ChatSource { Path = "c.jsonl" })));
    }

    [Fact]
    public async Task Calls_of_tools_and_turns_in_another_order_are_written_where_a_chat_template_writes_rows()
    {
        const string calls = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content }}{% if m.tool_calls %}"
            + "{% for c in m.tool_calls %}{{ c.function.name + ' ' + (c.function.arguments | tojson) }}{% endfor %}{% endif %}"
            + "{{ '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
        const string tools = """{"conversations": [{"from": "human", "value": "Sum?"}, """
            + """{"from": "function_call", "value": "{\"name\": \"add\", \"arguments\": {\"a\": 2}}"}, """
            + """{"from": "observation", "value": "5"}, {"from": "gpt", "value": "Five."}, {"from": "human", "value": "And?"}]}""";
        const string greeting = """{"messages": [{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "a"}, """
            + """{"role": "assistant", "content": "b"}]}""";
        var run = await Chat(calls).File("c.jsonl", $"{tools}\n{greeting}").RunAsync(With(new ChatSource { Path = "c.jsonl" }));
        using var rows = InstructionDataset.Open(run.Dataset);
        AssertRow(rows, 0, "[300]user\nSum?[301]\n[300]assistant\n", "add {\"a\": 2}[301]\n", "[300]tool\n5[301]\n[300]assistant\n",
            "Five.[301]\n");
        AssertRow(rows, 1, "[300]assistant\n", "Hello[301]\n", "[300]user\na[301]\n[300]assistant\n", "b[301]\n");
        Assert.Contains("1 record has a question after the last answer: left out.", run.Facts.Notes);
    }

    /// <summary>A call is an answer; a turn that neither says nor calls anything is none, whatever the others say.</summary>
    [Fact]
    public async Task An_empty_answer_among_others_is_found_and_a_bare_call_is_none()
    {
        const string calls = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content }}"
            + "{% for c in m.tool_calls or [] %}{{ c.function.name }}{% endfor %}{{ '<|im_end|>' + '\n' }}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
        const string call = """{"messages": [{"role": "user", "content": "Sum?"}, """
            + """{"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "add"}}]}]}""";
        const string blank = """{"messages": [{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "a"}, """
            + """{"role": "assistant", "content": " "}]}""";
        var with = With(new ChatSource { Path = "c.jsonl" });
        var run = await Chat(calls).File("c.jsonl", $"{call}\n{blank}").RunAsync(with with { EmptyOutput = EmptyOutput.Skip });
        Assert.Equal((1L, 1L), (run.Facts.Rows, run.Facts.Total.Dropped["empty output"]));
        Assert.Equal("add", run.Learned(0));
        Assert.Contains("c.jsonl:2: the output is empty", await Chat(calls).File("c.jsonl", $"{call}\n{blank}")
            .FailureAsync(with with { EmptyOutput = EmptyOutput.Error }));
    }

    [Fact]
    public async Task A_chat_template_that_came_as_a_file_is_reported_as_one()
    {
        var file = new ChatFormat(new(ChatBase.ChatMl, new Dictionary<string, string>()), null).ToUtf8();
        var run = await Chat(null).File("own.json", file).File("a.json", Records)
            .RunAsync(With(StageRun.Alpaca("a.json")) with { PromptTemplateName = "own.json" });
        Assert.Contains("Every row: alpaca-lora knows no chat template.",
            await File.ReadAllTextAsync(Path.Combine(run.Dataset, "report.md"), TestContext.Current.CancellationToken));
    }

    /// <summary>Of a template whose rows hold no answer nothing is learned: that is said before a GPU is touched.</summary>
    [Fact]
    public async Task A_template_that_does_not_write_answers_stops_the_run() =>
        Assert.Contains("the chat template doesn't write the answer", await Chat("{% for m in messages %}x{% endfor %}")
            .File("a.json", Records).FailureAsync(With(StageRun.Alpaca("a.json"))));

    [Fact]
    public async Task What_is_longer_than_the_cutoff_is_dropped_or_cut_as_ever()
    {
        var with = With(StageRun.Alpaca("a.json")) with { CutoffLen = 40 };
        var run = await Chat(ChatBase.ChatMl).File("a.json", Records).RunAsync(with);
        Assert.Equal(1, DatasetFacts.Read(run.Dataset).Total.Dropped["longer than cutoff_len"]);
        var cut = await Chat(ChatBase.ChatMl).File("a.json", Records).RunAsync(with with { Truncation = Truncation.Cut, CutoffLen = 45 });
        using var rows = InstructionDataset.Open(cut.Dataset);
        Assert.Equal(45, rows.Length(1));
    }

    /// <summary>The case of a report: markers of an own template file were spelled as letters.</summary>
    [Fact]
    public async Task Markers_of_an_own_template_file_become_their_tokens()
    {
        var folder = GoldenFolder.Require(GoldenFolder.SharedCases, Path.Combine("reports", "template-chat-markers-as-letters"));
        StageRun run = new() { Base = Path.Combine(folder, "base"), Data = folder };
        await run.RunAsync(new()
        {
            PromptTemplateName = "data/chatml_tpl.json",
            TrainOnInputs = false,
            Sources = [StageRun.Alpaca("data/train3.json")],
        });
        using var rows = InstructionDataset.Open(run.Dataset);
        Assert.Equal(3, rows.Count);
        for (var row = 0; row < rows.Count; row++)
        {
            Assert.Equal([301, 302, 301, 302], rows.InputIds(row).ToArray().Where(id => id >= 300 && id <= 304));
            Assert.Equal(302, rows.Labels(row)[^1]);
        }
        Assert.DoesNotContain("a text spells a special token", await File.ReadAllTextAsync(Path.Combine(run.Dataset, "report.md"),
            TestContext.Current.CancellationToken));
    }

    private StageRun Chat(string? template) =>
        new() { Base = ChatBase.Save(_base, template, null, "<|im_end|>", "<|im_start|>", "<|im_end|>", "<think>~") };

    private static DataBuildParams With(params DataSource[] sources) => new() { Sources = sources, TrainOnInputs = false };

    /// <param name="parts">What is read and what is learned, in turn.</param>
    private static void AssertRow(InstructionDataset rows, int row, params string[] parts)
    {
        Assert.Equal(ChatBase.Ids(string.Concat(parts)), rows.InputIds(row).ToArray());
        Assert.Equal(parts.Index().SelectMany(part => ChatBase.Ids(part.Item)
            .Select(id => part.Index % 2 == 0 ? InstructionDataset.NoLoss : id)), rows.Labels(row).ToArray());
    }
}
