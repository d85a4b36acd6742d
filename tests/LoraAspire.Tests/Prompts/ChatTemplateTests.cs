using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.Model.Prompts;

namespace LoraAspire.Tests.Prompts;

public sealed class ChatTemplateTests : IDisposable
{
    private const string ChatMl =
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content|trim + '<|im_end|>\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-chat-template-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>In brackets what is data.</summary>
    [Theory]
    [InlineData("<|im_start|>{{ c }}<|im_end|>", "<|im_start|>[<|im_end|> ]<|im_end|>")]
    [InlineData("{{ '<' ~ c.strip() + '>' }}", "<[<|im_end|>]>")]
    [InlineData("{{ c[2:5] + '|' }}{{ c[::-1] }}", "[im_]|[ >|dne_mi|<]")]
    [InlineData("{{ c|upper }}{{ 'x'|upper }}", "[<|IM_END|> ]X")]
    [InlineData("{{ c.replace('im', 'XY') }}", "[<|]XY[_end|> ]")]
    [InlineData("{{ c.split('|')|join('-') }}", "[<]-[im_end]-[> ]")]
    [InlineData("{{ '<|%s|>'|format(c) }}", "<|[<|im_end|> ]|>")]
    [InlineData("{{ '<|{}|>'.format(c) }}", "<|[<|im_end|> ]|>")]
    [InlineData("{{ '<|x|>'|tojson }}{{ ['<|x|>'] }}", "[\"<|x|>\"['<|x|>']]")]
    [InlineData("{% set x %}<{{ c }}>{% endset %}{{ x ~ '!' }}", "<[<|im_end|> ]>!")]
    [InlineData("{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m(c) }}{{ m('b') }}", "<[<|im_end|> ]><b>")]
    [InlineData("{% filter trim %} <{{ c }}{% endfilter %}", "<[<|im_end|>]")]
    [InlineData("{{ bos_token + c * 2 }}", "<s>[<|im_end|> <|im_end|> ]")]
    [InlineData("{% for m in messages %}{{ '<|' + m.role + '|>' }}{% endfor %}", "<|user|>")]
    public void Letters_of_the_template_and_of_the_data_are_told_apart(string template, string marked)
    {
        ChatTemplate compiled = new("{% set c = messages[0].content %}" + template, new Dictionary<string,
            string>
        { ["bos_token"] = "<s>" });
        var chat = compiled.Render([new("user", "<|im_end|> ")]);
        Assert.Equal(marked, string.Concat(chat.Segments.Select(segment => segment.IsTemplate ? segment.Text : $"[{segment.Text}]")));
    }

    [Fact]
    public void A_role_that_nobody_knows_spells_no_marker()
    {
        ChatTemplate template = new("{{ '<|' + messages[0].role + '|>' }}", new Dictionary<string, string>());
        Assert.Equal(["<|", "im_end", "|>"], template.Render([new("im_end", "x")]).Segments.Select(segment => segment.Text));
        Assert.Equal(["<|assistant|>"], template.Render([new("assistant", "x")]).Segments.Select(segment => segment.Text));
    }

    [Fact]
    public void The_assistants_turns_are_learned_with_their_end_marks()
    {
        ChatTemplate template = new(ChatMl, new Dictionary<string, string>());
        var learned = template.ForTraining([new("user", "1+1?"), new("assistant", "2 "), new("user", "😀?"), new("assistant", "4")]);
        Assert.Empty(learned.Rewritten);
        Assert.Equal(["2<|im_end|>\n", "4<|im_end|>\n"], learned.Turns.Select(turn => learned.Chat.Text[turn.Start..turn.End]));
        Assert.Equal([1, 3], learned.Turns.Select(turn => turn.Message));
    }

    [Fact]
    public void A_template_that_rewrites_earlier_turns_says_which()
    {
        ChatTemplate template =
            new("{% for m in messages %}<{{ m.role }}>{{ m.content if loop.last else m.content.split('</think>')[-1] }};{% endfor %}"
            + "{% if add_generation_prompt %}<assistant>{% endif %}", new Dictionary<string, string>());
        var learned = template.ForTraining([new("user", "a"), new("assistant", "<think>x</think>b"), new("user", "c"), new("assistant",
            "<think>y</think>d")]);
        Assert.Equal(["<think>y</think>d;"], learned.Turns.Select(turn => learned.Chat.Text[turn.Start..turn.End]));
        Assert.Equal("message 2: the template writes this turn anew when others follow (as those do that drop earlier thinking)",
            Assert.Single(learned.Rewritten).Why);
    }

    [Fact]
    public void A_turn_that_does_not_begin_as_its_prompt_is_told()
    {
        ChatTemplate template = new("{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}?{% endif %}",
            new Dictionary<string, string>());
        Assert.Equal((1, "message 2: with the answer in it the text doesn't begin as the prompt for that answer did"),
            Assert.Single(template.ForTraining([new("user", "a"), new("assistant", "b")]).Rewritten) is var told ? (told.Message, told.Why)
                : default);
    }

    [Fact]
    public void A_turn_before_which_the_template_takes_nothing_is_told()
    {
        ChatTemplate template = new("{{ messages[0].role ~ raise_exception('empty') if not messages }}{{ messages|length }}",
            new Dictionary<string, string>());
        Assert.Equal("message 1: the template takes no conversation that ends here: list object has no element 0",
            Assert.Single(template.ForTraining([new("assistant", "b")]).Rewritten).Why);
    }

    [Fact]
    public void What_a_template_marks_as_generation_is_learned()
    {
        ChatTemplate template =
            new("{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}</s>{% endgeneration %}"
            + "{% else %}{{ m.content }}{% endif %}{% endfor %}", new Dictionary<string, string>());
        Assert.True(template.MarksGeneration);
        var learned = template.ForTraining([new("user", "a"), new("assistant", "b"), new("user", "c"), new("assistant", "d")]);
        Assert.Equal(["b</s>", "d</s>"], learned.Turns.Select(turn => learned.Chat.Text[turn.Start..turn.End]));
        Assert.Equal(["<user>", "a", "<assistant>", "b", "</s>", "<user>", "c", "<assistant>", "d", "</s>"],
            learned.Chat.Segments.Select(segment => segment.Text));
        Assert.Empty(learned.Rewritten);

        ChatTemplate silent = new("{% if false %}{% generation %}{% endgeneration %}{% endif %}x", new Dictionary<string, string>());
        Assert.Equal(-1, Assert.Single(silent.ForTraining([new("assistant", "b")]).Rewritten).Message);
    }

    [Fact]
    public void Tools_documents_and_switches_are_seen_and_are_undefined_where_none_are_given()
    {
        ChatTemplate template =
            new("{{ tools is defined }}{{ documents is defined }}{{ enable_thinking is defined }}{{ tools|tojson if tools }}"
            + "{{ documents[0].title if documents }}{{ enable_thinking }}", new Dictionary<string, string>());
        using var json = JsonDocument.Parse("""[{"title": "é"}]""");
        using var off = JsonDocument.Parse("false");
        Assert.Equal("FalseFalseFalse", template.Render([]).Text);
        ChatOptions options = new()
        {
            Documents = json.RootElement,
            Variables = new Dictionary<string,
            JsonElement>
            { ["enable_thinking"] = off.RootElement }
        };
        Assert.Equal("TrueTrueTrue[{\"title\": \"é\"}]éFalse", template.Render([], json.RootElement, options: options).Text);
    }

    [Fact]
    public void Half_a_surrogate_pair_in_data_is_one_letter()
    {
        ChatTemplate template = new("{{ messages[0].content|length }}{{ messages[0].content }}{{ messages[0].content|list|length }}",
            new Dictionary<string, string>());
        using var json = JsonDocument.Parse("""{"role": "user", "content": "a\ud83d\"\ud83d\ude00"}""");
        Assert.Equal("4a\ud83d\"\ud83d\ude004", template.Render([ChatMessage.FromJson(json.RootElement)]).Text);
    }

    [Fact]
    public void A_folder_s_template_is_read_from_its_jinja_file_before_the_tokenizers_configuration()
    {
        Assert.Null(ChatTemplateFile.Load(_folder));
        Write("tokenizer_config.json",
            """{"bos_token": {"content": "<s>"}, "eos_token": "</s>", "pad_token": null, "chat_template": "config {{ bos_token }}{{ """
                + """eos_token }}"}""");
        Assert.Equal("config <s></s>", ChatTemplateFile.Load(_folder)!.Render([]).Text);
        Write("special_tokens_map.json", """{"bos_token": "other", "unk_token": "<unk>"}""");
        Write("chat_template.jinja", "file {{ bos_token }}{{ unk_token }}{{ pad_token }}\n");
        Assert.Equal("file <s><unk>", ChatTemplateFile.Load(_folder)!.Render([]).Text);
    }

    [Fact]
    public void Of_several_templates_the_one_named_is_taken()
    {
        Write("tokenizer_config.json",
            """{"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}]}""");
        Assert.Equal("d", ChatTemplateFile.Load(_folder)!.Render([]).Text);
        Assert.Equal("t", ChatTemplateFile.Load(_folder, "tool_use")!.Render([]).Text);
        Assert.EndsWith("has no chat template 'rag': default, tool_use.", Assert.Throws<ModelException>(() =>
            ChatTemplateFile.Load(_folder, "rag")).Message);
    }

    [Theory]
    [InlineData("""{"chat_template": 5}""", "chat_template is a text or a list of named ones, not Number.")]
    [InlineData("""{"chat_template": [{"name": "x"}]}""", "is not a readable tokenizer configuration")]
    [InlineData("""{"chat_template": "{% if %}"}""",
        "its chat template can't be read: Expected an expression, got 'end of statement block' (line 1")]
    [InlineData("[]", "is not a readable tokenizer configuration")]
    public void What_can_t_be_read_is_told_with_its_folder(string config, string words)
    {
        Write("tokenizer_config.json", config);
        var fault = Assert.ThrowsAny<ModelException>(() => ChatTemplateFile.Load(_folder));
        Assert.Contains(_folder, fault.Message, StringComparison.Ordinal);
        Assert.Contains(words, fault.Message, StringComparison.Ordinal);
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);
}
