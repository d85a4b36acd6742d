using System.Text;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Prompts.Jinja;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Prompts;

/// <summary>Published templates with published tokenizers: the row's ids are those that the tokenizer gives for the whole text.</summary>
public sealed class SharedTokenizerRowsTests
{
    private static readonly Conversation[] Talks =
    [
        new(null, [new("Hello", "Hi, how can I help?")]),
        new("You are terse.", [new("Name a colour.", "Blue."), new("Another,\n\nplease: ", " Red.\n- or 绿色 🌍")]),
        new(null, [new("  What is 12*12?", "```\n144\n```", "def f(x):\n    return x")]),
        new(null, [new("你是谁？", "我是小石。"), new("Ça va?", "Oui\tça va."), new("…", "end ")]),
    ];

    [Theory]
    [InlineData("llama2", "llama-2-chat", "<s>", "</s>", false)]
    [InlineData("llama2", "zephyr", "<s>", "</s>", true)]
    [InlineData("llama2", "vicuna", "<s>", "</s>", true)]
    [InlineData("llama2", "mistral-instruct", "<s>", "</s>", false)]
    [InlineData("llama2", "solar-instruct", "<s>", "</s>", true)]
    [InlineData("qwen2.5", "chatml", "<|endoftext|>", "<|im_end|>", true)]
    [InlineData("qwen2.5", "qwen2.5-instruct", "<|endoftext|>", "<|im_end|>", false)]
    [InlineData("qwen2.5", "llama-3-instruct", "<|endoftext|>", "<|im_end|>", true)]
    public void Ids_are_the_whole_text_s_and_chat_s_prompt_is_how_the_row_begins(string model, string template, string bos, string eos,
        bool laidOut)
    {
        var tokenizer = HfTokenizer.Load(GoldenFolder.Require(GoldenFolder.SharedData, Path.Combine("tokenizers", model)));
        var source = Encoding.UTF8.GetString(File.ReadAllBytes(
            GoldenFolder.Require(GoldenFolder.SharedData, Path.Combine("chat_templates", template + ".jinja"))));
        Dictionary<string, string> marks = new() { ["bos_token"] = bos, ["eos_token"] = eos };
        ChatFormat format = new(new(laidOut ? Packed(source) : source, marks),
            ChatFormat.RowDate);
        var rows = 0;
        foreach (var talk in Talks)
        {
            EncodedConversation row;
            try
            {
                row = format.Row(talk, tokenizer);
            }
            catch (TemplateException)
            {
                continue; // some take no system message
            }
            rows++;
            var ids = row.Tokens.Select(token => token.Id).ToList();
            var whole = tokenizer.EncodeLegacy(Whole(format, talk), addBos: false);
            Assert.Equal(whole, ids.Take(whole.Length));
            Assert.True(ids.Count - whole.Length is 0 || ids.Count == whole.Length + 1 && ids[^1] == tokenizer.EosId);
            Assert.Equal(talk.Turns.Count, row.Answers);
            var prompt = (talk with { Turns = [.. talk.Turns.SkipLast(1), talk.Turns[^1] with { Answer = null }] })
                .Encode(format, tokenizer, 10_000);
            Assert.Equal(prompt, ids.Take(prompt.Length));
        }
        Assert.InRange(rows, 3, Talks.Length);
    }

    /// <summary>Templates that are laid out to be read are used without the line breaks and indents of their layout.</summary>
    private static string Packed(string source) =>
        source.Replace("    ", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal);

    private static string Whole(ChatFormat format, Conversation talk)
    {
        List<ChatMessage> messages = talk.System is null ? [] : [new("system", talk.System)];
        foreach (var turn in talk.Turns)
        {
            messages.Add(new("user", turn.Input is null ? turn.Question : turn.Question + "\n\n" + turn.Input));
            messages.Add(new("assistant", turn.Answer!));
        }
        return format.Template.Render(messages).Text;
    }
}
