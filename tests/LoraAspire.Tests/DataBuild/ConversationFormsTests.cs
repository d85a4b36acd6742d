using LoraAspire.DataBuild.Sources;
using LoraAspire.Model.Prompts;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.Tests.DataBuild;

/// <summary>Conversations as programs and data sets write them, with tools, thinking and turns in another order.</summary>
public sealed class ConversationFormsTests
{
    private static SourceRecord Only(string text, EmptyOutput emptyOutput = EmptyOutput.Keep)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("lora-").FullName, "c.json");
        File.WriteAllText(path, text);
        return Assert.Single(new ChatRecords(new("c.json", path), emptyOutput).Read());
    }

    /// <summary>The messages as a template sees them: their JSON, one a line.</summary>
    private static string[] Messages(SourceRecord record) =>
        new ChatTemplate("{% for m in messages %}{{ m | tojson }}\n{% endfor %}", new Dictionary<string, string>())
            .Render(record.Record.Messages!).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private const string ShareGptTools = """
        {"conversations": [{"from": "human", "value": "Sum of 2 and 3?"},
          {"from": "function_call", "value": "{\"name\": \"add\", \"arguments\": {\"a\": 2, \"b\": 3}}"},
          {"from": "observation", "value": "5"}, {"from": "gpt", "value": "It is 5."}],
         "tools": "[{\"name\": \"add\"}]"}
        """;

    private const string OpenAiTools = """
        {"messages": [{"role": "user", "content": "Sum of 2 and 3?"},
          {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "add", "arguments": "{\"a\": 2, \"b\": 3}"}}]},
          {"role": "tool", "tool_call_id": "1", "content": "5"}, {"role": "assistant", "content": "It is 5.", "refusal": null}],
         "tools": [{"type": "function", "function": {"name": "add"}}]}
        """;

    [Fact]
    public void Calls_of_tools_are_kept_for_a_chat_template_in_one_form()
    {
        var shareGpt = Only(ShareGptTools);
        Assert.Equal(["""{"role": "user", "content": "Sum of 2 and 3?"}""",
            """{"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 2,"""
                + """ "b": 3}}}]}""",
            """{"role": "tool", "content": "5"}""", """{"role": "assistant", "content": "It is 5."}"""], Messages(shareGpt));
        Assert.Equal("""[{"name": "add"}]""", shareGpt.Record.Tools);
        var openAi = Only(OpenAiTools);
        Assert.Equal(["""{"role": "user", "content": "Sum of 2 and 3?"}""",
            """{"role": "assistant", "content": "", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "add","""
                + """ "arguments": {"a": 2, "b": 3}}}]}""",
            """{"role": "tool", "content": "5", "tool_call_id": "1"}""", """{"role": "assistant", "content": "It is 5."}"""],
            Messages(openAi));
        Assert.Equal((null, "a call of a tool"), (openAi.Dropped, openAi.NeedsChatTemplate));
        Assert.Equal(("a call of a tool", null, null), (openAi.ForPromptTemplate().Dropped,
            openAi.ForPromptTemplate().Record.Messages, openAi.ForPromptTemplate().Record.Tools));
    }

    [Fact]
    public void The_call_of_OpenAI_s_earlier_form_is_kept_as_one_of_today_s()
    {
        var record = Only("""
            {"messages": [{"role": "user", "content": "Sum?"},
              {"role": "assistant", "content": null, "function_call": {"name": "add", "arguments": "{\"a\": 2}"}},
              {"role": "function", "name": "add", "content": "5"}, {"role": "assistant", "content": "Five.", "function_call": null}]}
            """);
        Assert.Equal(["""{"role": "user", "content": "Sum?"}""",
            """{"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 2"""
                + """}}}]}""",
            """{"role": "tool", "content": "5", "name": "add"}""", """{"role": "assistant", "content": "Five."}"""], Messages(record));
    }

    private const string Thinking = """
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "reasoning_content": "because", "content": "b"}]}
        """;

    [Fact]
    public void Thinking_is_kept_for_a_chat_template_and_the_turns_stay_turns()
    {
        var record = Only(Thinking);
        Assert.Equal(("a", "b", null), (record.Record.Instruction, record.Record.Output, record.NeedsChatTemplate));
        Assert.Equal(("because", (string?)null), (record.Record.Reasoning, record.ForPromptTemplate().Record.Reasoning));
        Assert.Null(record.Record.Messages);
        Assert.Null(
            Only("""{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "reasoning_content": null, "content": "b"}]}""")
            .Record.Reasoning);
    }

    [Fact]
    public async Task What_a_prompt_template_has_no_place_for_is_left_out_and_counted()
    {
        const string plain = """{"tools": [{"name": "x"}], "messages": [{"role": "user", "content": "c"}, {"role": "assistant","""
            + """ "content": "d"}, {"role": "user", "content": "e"}]}""";
        var run = await new StageRun().File("c.json",
            $"[{Thinking},{Thinking.Replace("\"a\"", "\"z\"", StringComparison.Ordinal)},{plain},{OpenAiTools},{ShareGptTools}]")
            .RunAsync(StageRun.With(new ChatSource { Path = "c.json" }));
        Assert.Equal(["b", "b", "d"], Enumerable.Range(0, (int)run.Facts.Rows).Select(run.Learned));
        Assert.Equal(2, run.Facts.Total.Dropped["a call of a tool"]);
        Assert.Equal(["1 record has a list of tools: left out.", "1 record has a question after the last answer: left out.",
            "2 records have reasoning_content: left out."], run.Facts.Notes);
        Assert.Contains("- 2 records have reasoning_content: left out.",
            await File.ReadAllTextAsync(Path.Combine(run.Dataset, "report.md"), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("""{"conversations": [{"from": "GPT", "value": "Hello!"}, {"from": "Human", "value": "a"}, {"from": "GPT", "value":"""
        + """ "b"}]}""",
        "begins with an answer")]
    [InlineData("""{"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}, {"role": "assistant", "content":"""
        + """ "c"}]}""",
        "two questions in a row")]
    [InlineData("""{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "assistant","""
        + """ "content": "c"}]}""",
        "two answers in a row")]
    [InlineData("""{"conversations": [{"from": "human", "value": "a"}, {"from": "observation", "value": "b"}, {"from": "gpt", "value":"""
        + """ "c"}]}""",
        "a turn of 'observation'")]
    public void Another_order_is_what_only_a_chat_template_can_write(string text, string reason)
    {
        var record = Only(text);
        Assert.Equal((null, reason), (record.Dropped, record.NeedsChatTemplate));
        Assert.Equal(3, record.Record.Messages!.Count);
        Assert.Equal(reason, record.ForPromptTemplate().Dropped);
    }

    [Theory]
    [InlineData("""{"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": "b"}]}""", "an empty turn")]
    [InlineData("""{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": " \n"}]}""", "an empty turn")]
    [InlineData("""{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url":"""
        + """ "x"}}]}, {"role": "assistant", "content": "b"}]}""",
        "a turn that holds 'image_url'")]
    [InlineData("""{"messages": [{"role": "user", "content": [{"type": "input_audio"}]}, {"role": "assistant", "content": "b"}]}""",
        "a turn that holds 'input_audio'")]
    [InlineData("""{"images": ["a.png"], "messages": [{"role": "user", "content": "<image>a"}, {"role": "assistant", "content": "b"}]}""",
        "an image, a video or a sound")]
    [InlineData("""{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": {"text": "b"}}]}""",
        "a turn that isn't text")]
    [InlineData("""{"messages": [{"role": "user", "content": "a"}, {"role": "narrator", "content": "b"}, {"role": "assistant", "content":"""
        + """ "c"}]}""",
        "a turn of 'narrator'")]
    [InlineData("""{"conversations": [{"from": "human", "value": "a"}]}""", "no answer in the conversation")]
    public void What_no_row_can_hold_is_left_out_by_name(string text, string reason) => Assert.Equal(reason, Only(text).Dropped);

    [Theory]
    [InlineData("""{"images": [], "conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "a"}, {"from": "gpt","""
        + """ "value": "b"}, {"from": "human", "value": ""}]}""")]
    [InlineData("""{"system": "S", "conversations": [{"from": "User", "value": "a"}, {"from": "Assistant", "value": "b"}]}""")]
    [InlineData("""{"messages": [{"role": "system", "content": [{"type": "text", "text": "S"}]}, {"role": "user", "content": [{"type":"""
        + """ "input_text", "text": "a"}]}, {"role": "assistant", "content": [{"type": "output_text", "text": "b"}]}]}""")]
    [InlineData("""{"messages": [{"role": "developer", "content": "S"}, {"role": "user", "content": "a", "name": "Ann"}, {"role":"""
        + """ "model", "content": "b"}]}""")]
    public void The_names_that_programs_use_give_the_same_record(string text)
    {
        var record = Only(text);
        Assert.Equal(("S", "a", "b", null, null), (record.Record.System, record.Record.Instruction, record.Record.Output, record.Dropped,
            record.NeedsChatTemplate));
    }

    [Fact]
    public void An_empty_answer_is_left_to_empty_output_where_that_says_something() =>
        Assert.Null(
            Only("""{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": ""}]}""", EmptyOutput.Skip).Dropped);
}
