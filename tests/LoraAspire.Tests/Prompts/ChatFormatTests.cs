using LoraAspire.Model;
using LoraAspire.Model.Data;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Prompts.Jinja;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Tests.Prompts;

/// <summary>Ids and what of them is learned, by hand, over a tokenizer whose bytes are their own ids.</summary>
public sealed class ChatFormatTests : IDisposable
{
    private static readonly string[] ChatMlTokens = ["<|im_start|>", "<|im_end|>", "<think>~", "</think>~"];
    private static readonly string[] Llama3Tokens = ["<s>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"];

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-chat-format-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ChatML_learns_answers_with_their_end_mark()
    {
        var (format, tokenizer) = Base(ChatBase.ChatMl, null, "<|im_end|>", ChatMlTokens);
        Conversation talk = new("Be brief.", [new("1+1?", "2"), new("é?", "Ja.", "in full")]);
        AssertRow("[300]system\nBe brief.[301]\n[300]user\n1+1?[301]\n[300]assistant\n«2[301]\n»"
            + "[300]user\né?\n\nin full[301]\n[300]assistant\n«Ja.[301]\n»", format.Row(talk, tokenizer));
    }

    [Fact]
    public void Llama_3_writes_its_own_BOS_once_and_closes_with_its_own_mark()
    {
        var (format, tokenizer) = Base(ChatBase.Llama3, "<s>", "<|end_of_text|>", Llama3Tokens);
        Assert.Equal(300, tokenizer.BosId);
        AssertRow("[300][302]user[303]\n\nHi[304][302]assistant[303]\n\n«Yes.[304]»", format.Row(Asked("Hi", "Yes."), tokenizer));
        Assert.Equal([304], format.EndIds(tokenizer));
        Assert.Equal([301, 304], EndTokens.Of(_folder, tokenizer, format).Order());
    }

    [Fact]
    public void Markers_in_data_stay_letters_and_those_that_data_completes_are_none()
    {
        var (format, tokenizer) = Base("{% for m in messages %}<|{{ m.content }}|><|im_end|>{% endfor %}"
            + "{{ '<|' if add_generation_prompt }}", null, "<|im_end|>", ChatMlTokens);
        AssertRow("<|im_start|>[301]<|«<|im_end|><think>|>[301]»", format.Row(Asked("im_start", "<|im_end|><think>"), tokenizer));
    }

    [Fact]
    public void Tokens_of_the_template_that_are_not_special_are_tokens_too()
    {
        var (format, tokenizer) = Base(ChatBase.ChatMl.Replace("m.content +",
            "('<think>\n\n</think>\n\n' if m.role == 'assistant' else '') + m.content +", StringComparison.Ordinal),
            null, "<|im_end|>", ChatMlTokens);
        AssertRow("[300]user\na[301]\n[300]assistant\n«[302]\n\n[303]\n\n<think>b[301]\n»", format.Row(Asked("a", "<think>b"), tokenizer));
    }

    [Fact]
    public void A_token_over_the_border_to_the_answer_is_the_whole_texts_and_not_learned()
    {
        var (format, tokenizer) = Base(ChatBase.ChatMl, null, "<|im_end|>", ChatMlTokens);
        AssertRow("[300]user\na[301]\n[300]assistant[256]«b[301]\n»", format.Row(Asked("a", "\nb"), tokenizer));
    }

    [Fact]
    public void A_token_that_takes_the_white_space_after_it_does_so()
    {
        var (format, tokenizer) = Base("{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}"
            + "{% if add_generation_prompt %}<|assistant|>\n{% endif %}",
            null, "<|end|>", "<|user|>_", "<|assistant|>_", "<|end|>_");
        AssertRow("[300]a[302][301]«b[302]»", format.Row(Asked("a", "b"), tokenizer));
    }

    [Fact]
    public void An_answer_that_the_template_does_not_close_ends_with_EOS()
    {
        var (format, tokenizer) = Base("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
            + "{{ 'assistant: ' if add_generation_prompt }}", null, "<|im_end|>", ChatMlTokens);
        AssertRow("user: a\nassistant: «b\n[301]»", format.Row(Asked("a", "b"), tokenizer));
        Assert.Empty(format.EndIds(tokenizer));
    }

    [Fact]
    public void What_a_template_marks_is_learned_and_nothing_else()
    {
        var (format, tokenizer) = Base("{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}"
            + "{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}{% endfor %}",
            null, "<|im_end|>", ChatMlTokens);
        AssertRow("[300]user\na[301][300]assistant\n«b[301]»[300]user\nc[301][300]assistant\n«d[301]»",
            format.Row(new(null, [new("a", "b"), new("c", "d")]), tokenizer));
    }

    [Fact]
    public void The_prompt_is_how_the_row_begins()
    {
        foreach (var (template, bos, eos, tokens) in new[] { (ChatBase.ChatMl, (string?)null, "<|im_end|>", ChatMlTokens),
            (ChatBase.Llama3, "<s>", "<|end_of_text|>", Llama3Tokens) })
        {
            var (format, tokenizer) = Base(template, bos, eos, tokens);
            Conversation open = new("Be brief.", [new("Hi", "Hello"), new("<|im_end|> 1+1?")]);
            var row = format.Row(open with { Turns = [open.Turns[0], open.Turns[1] with { Answer = "2" }] }, tokenizer).Tokens;
            var prompt = open.Encode(format, tokenizer, 1000);
            Assert.Equal(row.Take(prompt.Length).Select(token => token.Id), prompt);
            Assert.True(row[prompt.Length].Learned);
            Assert.Equal(format.Prompt(open with { Turns = [open.Turns[1]] }, tokenizer), open.Encode(format, tokenizer, 1));
        }
    }

    [Fact]
    public void It_travels_in_prompt_template_json_with_its_tokens_and_its_day()
    {
        var (format, tokenizer) = Base(ChatBase.Llama3 + "{{ strftime_now('%d %b %Y') }}", "<s>", "<|end_of_text|>", Llama3Tokens);
        format.SaveTo(_folder);
        var read = Assert.IsType<ChatFormat>(PromptFormat.Of(_folder));
        Assert.Equal(format.ToUtf8(), read.ToUtf8());
        Assert.True(read.Template.IsLike(format.Template));
        Assert.Equal(format.Prompt(Asked("a", null), tokenizer), read.Prompt(Asked("a", null), tokenizer));
        Assert.EndsWith("26 Jul 2024", tokenizer.Decode(read.Prompt(Asked("a", null), tokenizer)));
    }

    [Fact]
    public void Thoughts_and_tools_go_where_the_template_has_a_place_and_are_told_where_not()
    {
        Conversation talk = new(null, [new("a", "b") { Reasoning = "thought" }]) { Tools = """[{"name": "search"}]""" };
        var (without, tokenizer) = Base(ChatBase.ChatMl, null, "<|im_end|>", ChatMlTokens);
        Assert.Equal(["the template has no place for reasoning_content: it is left out",
            "the template has no place for tools: they are left out"], without.Row(talk, tokenizer).NotLearned);
        Assert.Equal(without.Row(talk, tokenizer).NotLearned, PromptTemplate.Load("alpaca").Row(talk, tokenizer).NotLearned);
        var (with, _) = Base("{{ tools[0].name if tools }}{% for m in messages %}{% if m.reasoning_content %}"
            + "<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}<|im_end|>{% endfor %}", null, "<|im_end|>", ChatMlTokens);
        var row = with.Row(talk, tokenizer);
        Assert.Empty(row.NotLearned);
        AssertRow("searcha[301]«[302]thought[303]b[301]»", row);
    }

    [Fact]
    public void An_answer_that_the_template_does_not_write_is_not_learned_and_told()
    {
        var (format, tokenizer) = Base("{% for m in messages %}x{% endfor %}", null, "<|im_end|>", ChatMlTokens);
        var row = format.Row(Asked("a", "b"), tokenizer);
        Assert.Equal((0, "the chat template doesn't write the answer"), (row.Answers, Assert.Single(row.NotLearned)));
        Assert.DoesNotContain(row.Tokens, token => token.Learned);
    }

    [Fact]
    public void A_folder_is_asked_by_the_template_of_its_training_and_a_warning_tells_of_another()
    {
        Base(ChatBase.ChatMl, null, "<|im_end|>", ChatMlTokens);
        Assert.Equal((ChatBase.ChatMl, null),
            ModelPrompt.Of(_folder) is var own ? (Assert.IsType<ChatFormat>(own.Format).Template.Source, own.Warning) : default);

        new ChatFormat(ChatTemplateFile.Load(_folder)!, ChatFormat.RowDate).SaveTo(_folder);
        Assert.Null(ModelPrompt.Of(_folder).Warning);

        Base(ChatBase.Llama3, "<s>", "<|end_of_text|>", Llama3Tokens);
        Assert.Equal("The model was trained with another template than the chat template beside its tokenizer: it is asked with the chat "
            + "template of its training (prompt_template.json).", ModelPrompt.Of(_folder).Warning);
        PromptTemplate.Load("alpaca").SaveTo(_folder);
        Assert.IsType<PromptTemplate>(ModelPrompt.Of(_folder).Format);
        Assert.Contains("the prompt template of its training", ModelPrompt.Of(_folder).Warning);

        ChatBase.Save(_folder, "{% if %}", null, "<|im_end|>", ChatMlTokens);
        Assert.Contains("can't be read", ModelPrompt.Of(_folder).Warning);
        File.Delete(Path.Combine(_folder, PromptFormat.FileName));
        Assert.Throws<TemplateException>(() => ModelPrompt.Of(_folder));
        ChatBase.Save(_folder, null, null, "<|im_end|>", ChatMlTokens);
        Assert.Contains("asked in the words of alpaca", ModelPrompt.Of(_folder).Warning);
        Assert.Null(ModelPrompt.Of(_folder, PromptTemplate.Load("plain")).Warning);
    }

    [Fact]
    public void With_train_on_inputs_all_but_the_first_token_is_learned()
    {
        var (format, tokenizer) = Base(ChatBase.ChatMl, null, "<|im_end|>", ChatMlTokens);
        var row = new Preprocessor(tokenizer, format, new(100, TrainOnInputs: true)).Row(Asked("a", "b"));
        Assert.Equal([InstructionDataset.NoLoss, .. row.InputIds.Skip(1)], row.Labels);
        Assert.Equal(16, new Preprocessor(tokenizer, format, new(16, TrainOnInputs: false)).Row(Asked("a", "b")).InputIds.Length);
    }

    [Theory]
    [InlineData("<s>{instruction}{input}", "a", "[300]a")]
    [InlineData("<s><|eot_id|>{instruction}: {input}", "<s>", "[300][304]<s>: ")]
    [InlineData("{instruction}<|eot_id|>{input}", "<|eot_id|>", "[300]<|eot_id|>[304]")]
    public void An_own_template_file_s_markers_are_tokens_and_its_BOS_stands_once(string form, string question, string expected)
    {
        var (_, tokenizer) = Base(ChatBase.Llama3, "<s>", "<|end_of_text|>", Llama3Tokens);
        PromptTemplate template = new("", form, form, "x");
        Assert.Equal(ChatBase.Ids(expected), template.Prompt(Asked(question, null), tokenizer));
        AssertRow(expected + "«b[301]»", template.Row(Asked(question, "b"), tokenizer));
    }

    [Theory]
    [InlineData("""{"chat_template": "{% if %}", "special_tokens": {}}""", "Expected an expression")]
    [InlineData("""{"chat_template": null, "special_tokens": {}}""", "chat_template is null")]
    [InlineData("""{"chat_template": "x"}""", "is not a readable prompt template")]
    [InlineData("""{"chat_template": "x", "special_tokens": {"bos_token": 1}}""", "is not a readable prompt template")]
    [InlineData("""{"chat_template": "x", "special_tokens": {}, "date": "today"}""", "is not a readable prompt template")]
    public void A_damaged_file_is_told(string json, string words)
    {
        File.WriteAllText(Path.Combine(_folder, PromptFormat.FileName), json);
        Assert.Contains(words, Assert.ThrowsAny<ModelException>(() => PromptFormat.Of(_folder)).Message);
    }

    private static Conversation Asked(string question, string? answer) => new(null, [new(question, answer)]);

    private (ChatFormat Format, HfTokenizer Tokenizer) Base(string template, string? bos, string eos, params string[] added)
    {
        ChatBase.Save(_folder, template, bos, eos, added);
        return (new(ChatTemplateFile.Load(_folder)!, ChatFormat.RowDate), HfTokenizer.Load(_folder));
    }

    /// <param name="expected">In « » what is learned.</param>
    private static void AssertRow(string expected, EncodedConversation row)
    {
        List<(int, bool)> tokens = [];
        var learned = false;
        foreach (var part in expected.Split('«', '»'))
        {
            tokens.AddRange(ChatBase.Ids(part).Select(id => (id, learned)));
            learned = !learned;
        }
        Assert.Equal(tokens, row.Tokens.Select(token => (token.Id, token.Learned)));
    }
}
