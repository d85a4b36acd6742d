using LoraAspire.Model.Export;
using LoraAspire.Model.Export.Ollama;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.ExportTests;

/// <summary>What templates come to as texts around what is said.</summary>
public sealed class TurnFormTests
{
    private static readonly Dictionary<string, string> s_tokens = new() { ["bos_token"] = "<s>", ["eos_token"] = "</s>" };

    private const string ChatMl =
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    [Fact]
    public void ChatML_becomes_a_Go_template()
    {
        var form = TurnForm.Of(new ChatTemplate(ChatMl, s_tokens), null)!;

        Assert.Equal("{{ $first := true }}{{ $system := .System }}{{ range $i, $_ := .Messages }}{{ if eq .Role \"user\" }}"
            + "{{ if not $first }}<|im_end|>\n<|im_start|>user\n{{ else if $system }}<|im_start|>system\n{{ $system }}<|im_end|>\n"
            + "<|im_start|>user\n{{ else }}"
            + "<|im_start|>user\n{{ end }}{{ $first = false }}{{ .Content }}<|im_end|>\n<|im_start|>assistant\n"
            + "{{ else if eq .Role \"assistant\" }}{{ .Content }}{{ end }}{{ end }}", GoTemplate.Of(form));
    }

    [Fact]
    public void Braces_of_a_template_stand_for_themselves() =>
        Assert.Contains("{{ \"{{\" }}x}}", GoTemplate.Of(new("{{x}}", null, "b", "c")));

    /// <summary>The published ones that are of this form, whatever they are called.</summary>
    [Theory]
    [InlineData("chatml", true)]
    [InlineData("llama-2-chat", true)]
    [InlineData("llama-3-instruct", true)]
    [InlineData("gemma-it", true)]
    [InlineData("qwen2.5-instruct", true)]
    [InlineData("mistral-instruct", true)]
    [InlineData("zephyr", true)]
    [InlineData("vicuna", true)]
    public void Published_templates_are_written_as_they_write_themselves(string name, bool hasSystem)
    {
        var source = File.ReadAllText(GoldenFolder.Require(GoldenFolder.SharedData, $"chat_templates/{name}.jinja"));
        // They are written with line breaks and indents that are none of theirs, but for the one that transformers itself wrote.
        ChatTemplate template = new(name == "qwen2.5-instruct" ? source : source.Replace("    ", "").Replace("\n", ""), s_tokens);
        var form = TurnForm.Of(template, "<s>");
        Assert.NotNull(form);
        Assert.Equal(hasSystem, form.System is not null);
        foreach (var messages in Conversations(hasSystem))
        {
            var text = template.Render([.. messages.Select(message => new ChatMessage(message.Role, message.Text))],
                addGenerationPrompt: true).Text;
            Assert.Equal(text.StartsWith("<s>", StringComparison.Ordinal) ? text[3..] : text, form.Write(messages));
        }
    }

    [Theory]
    [InlineData("alpaca")]
    [InlineData("bayling")]
    [InlineData("plain")]
    public void An_instruction_template_is_written_as_in_training_and_as_Jinja(string name)
    {
        var template = PromptTemplate.Load(name);
        var tokenizer = HfTokenizer.Load(GoldenFolder.Pebble);
        var form = TurnForm.Of(template, "</s>")!;
        ChatTemplate jinja = new(form.ToJinja(), s_tokens);
        foreach (var messages in Conversations(hasSystem: true))
        {
            var text = form.Write(messages);
            Assert.Equal(text, jinja.Render([.. messages.Select(message => new ChatMessage(message.Role, message.Text))],
                addGenerationPrompt: true).Text);
            var system = messages[0].Role == "system" ? messages[0].Text : null;
            var said = messages.Where(message => message.Role != "system").Select(message => message.Text).ToList();
            Conversation conversation = new(system, [.. said.Chunk(2).Select(turn => new Turn(turn[0], turn.ElementAtOrDefault(1)))]);
            // What follows EOS is a text of its own, with the space mark that such a one begins with.
            Assert.Equal(tokenizer.Decode(template.Prompt(conversation, tokenizer)), text.Replace("</s>", " "));
        }
    }

    [Theory]
    [InlineData("{% for m in messages %}{{ loop.index ~ m['content'] }}{% endfor %}")] // every turn is numbered
    [InlineData("{{ raise_exception('no') }}")]
    [InlineData("{{ messages[-1]['content'] }}")] // forgets what was said
    [InlineData("{% for m in messages %}{{ m['content'] ~ m['content'] }}{% endfor %}")]
    public void What_is_of_another_form_is_not_taken(string source) =>
        Assert.Null(TurnForm.Of(new ChatTemplate(source, s_tokens), null));

    private static IEnumerable<(string Role, string Text)[]> Conversations(bool hasSystem)
    {
        yield return [("user", "How are you?")];
        yield return [("user", "One."), ("assistant", "Two."), ("user", "Three, 四?")];
        if (hasSystem)
        {
            yield return [("system", "Be kind."), ("user", "One."), ("assistant", "Two."), ("user", "Three?")];
        }
    }
}
