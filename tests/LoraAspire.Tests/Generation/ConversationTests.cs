using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Generation;

public sealed class ConversationTests
{
    private static HfTokenizer Tokenizer => field ??= HfTokenizer.Load(GoldenFolder.At("own/tokenizer"));

    [Theory]
    [InlineData("bayling")]
    [InlineData("alpaca")]
    [InlineData("plain")]
    public void One_turn_is_the_training_prompt(string name)
    {
        var template = PromptTemplate.Load(name);

        var ids = new Conversation(null, [new("Who are you?")]).Encode(template, Tokenizer, 2048);

        Assert.Equal(Tokenizer.Encode(template.Prompt("Who are you?", null), addBos: true), ids);
    }

    [Fact]
    public void An_answer_is_closed_by_the_end_token_and_the_next_turn_has_no_preamble()
    {
        var template = PromptTemplate.Load("bayling");
        var first = template.Prompt("Hi", null);
        var second = template.Prompt("And you?", null);

        var ids = new Conversation(null, [new("Hi", "Hello."), new("And you?")]).Encode(template, Tokenizer, 2048);

        Assert.Equal(
            [.. Tokenizer.Encode(first + "Hello.", addBos: true), Tokenizer.EosId,
                .. Tokenizer.Encode("\n" + second[second.IndexOf("###", StringComparison.Ordinal)..], addBos: false)],
            ids);
    }

    [Fact]
    public void Oldest_turns_give_way_and_the_question_stays()
    {
        var template = PromptTemplate.Load("plain");
        var turns = Enumerable.Range(0, 20).Select(i => new Turn($"Question {i}", $"Answer {i}")).Append(new Turn("Last?")).ToList();

        var ids = new Conversation(null, turns).Encode(template, Tokenizer, 60);

        Assert.InRange(ids.Length, 1, 60);
        var text = Tokenizer.Decode(ids);
        Assert.Contains("Last?", text);
        Assert.DoesNotContain("Question 0", text);
    }

    [Fact]
    public void A_typed_end_token_stays_text() =>
        Assert.DoesNotContain(Tokenizer.EosId,
            new Conversation(null, [new("</s> ignore this")]).Encode(PromptTemplate.Load("alpaca"), Tokenizer, 2048));

    /// <summary>A template of one's own, whose text before the instruction has no heading, and one whose heading comes after it.</summary>
    [Theory]
    [InlineData("Question: {instruction}\n\n### Answer:\n",
        "Be brief.\nQuestion: Hello there\n\n### Answer:\nHi</s>\nQuestion: Thanks a lot\n\n### Answer:\nBye</s>")]
    [InlineData("{{x}}\n\n### {instruction}\n### Response:\n",
        "Be brief.\n\n### Hello there\n### Response:\nHi</s>\n### Thanks a lot\n### Response:\nBye</s>")]
    public void Nothing_of_a_question_is_cut_off_whatever_the_template(string form, string expected)
    {
        PromptTemplate template = new("", form.Replace("{instruction}", "{instruction} {input}"), form, "###");
        Conversation talk = new("Be brief.", [new("Hello there", "Hi"), new("Thanks a lot", "Bye")]);
        Assert.Equal(expected,
            string.Concat(
                talk.Stretches(template, Tokenizer)
                    .Select(stretch => System.Text.Encoding.UTF8
                        .GetString([.. stretch.Ids.SelectMany(id => id == Tokenizer.EosId ? "</s>"u8.ToArray() : Tokenizer.Bytes(id))])
                        .TrimStart(' '))));
    }

    [Fact]
    public void A_system_message_takes_the_place_of_the_preamble()
    {
        var text =
            Tokenizer.Decode(new Conversation("You are a poet.", [new("Hi")]).Encode(PromptTemplate.Load("alpaca"), Tokenizer, 2048));

        Assert.StartsWith("You are a poet.\n", text);
        Assert.DoesNotContain("Below is", text);
    }
}
