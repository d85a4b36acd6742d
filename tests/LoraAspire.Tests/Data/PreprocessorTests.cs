using LoraAspire.Model;
using LoraAspire.Model.Data;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Data;

public sealed class PreprocessorTests
{
    private static readonly HfTokenizer Pebble = HfTokenizer.Load(Path.Combine(GoldenFolder.RepoRoot, "models", "pebble-init"));
    private static readonly PromptTemplate Plain = PromptTemplate.Load("plain");

    [Fact]
    public void The_prompt_is_masked_and_the_answer_ends_with_EOS()
    {
        var row = new Preprocessor(Pebble, Plain, new(256, TrainOnInputs: false)).Row("Who are you?", "", "I am Pebble.");
        var prompt = Pebble.Encode(Plain.Prompt("Who are you?", ""), addBos: true);
        Assert.Equal(prompt, row.InputIds[..prompt.Length]);
        Assert.All(row.Labels[..prompt.Length], label => Assert.Equal(-100, label));
        Assert.Equal(row.InputIds[prompt.Length..], row.Labels[prompt.Length..]);
        Assert.Equal(Pebble.EosId, row.InputIds[^1]);
        Assert.Equal("I am Pebble.", Pebble.Decode(row.InputIds[prompt.Length..]));
        Assert.False(row.Truncated);
        Assert.Equal(row.InputIds.Length - prompt.Length, row.Targets);
    }

    [Fact]
    public void A_template_that_ends_without_a_newline_does_not_merge_the_answer_into_the_prompt()
    {
        PromptTemplate tight = new("", "{instruction}{input}", "{instruction}", "|");
        var row = new Preprocessor(Pebble, tight, new(256, TrainOnInputs: false)).Row("Trans", "", "late");
        var prompt = Pebble.Encode("Trans", addBos: true);
        Assert.Equal(prompt.Length, row.Labels.Count(label => label == -100));
        Assert.Equal("late", Pebble.Decode(row.InputIds[prompt.Length..]));
        var joined = new Preprocessor(Pebble, tight, new(256, TrainOnInputs: false, LikeAlpacaLora: true)).Row("Trans", "", "late");
        Assert.NotEqual(joined.InputIds, row.InputIds); // the original merges over the border
    }

    [Fact]
    public void With_train_on_inputs_only_BOS_carries_no_loss()
    {
        var row = new Preprocessor(Pebble, Plain, new(256, TrainOnInputs: true)).Row("Hello", "", "Hi");
        Assert.Equal([-100, .. row.InputIds[1..]], row.Labels);
    }

    [Fact]
    public void A_row_one_token_too_long_loses_its_EOS_and_says_so()
    {
        var full =
            new Preprocessor(Pebble, Plain, new(256, TrainOnInputs: false)).Row("Count from 1 to 9.", "", "1, 2, 3, 4, 5, 6, 7, 8, 9");
        var fits = new Preprocessor(Pebble, Plain, new(full.InputIds.Length, TrainOnInputs: false))
            .Row("Count from 1 to 9.", "", "1, 2, 3, 4, 5, 6, 7, 8, 9");
        var cut = new Preprocessor(Pebble, Plain, new(full.InputIds.Length - 1, TrainOnInputs: false))
            .Row("Count from 1 to 9.", "", "1, 2, 3, 4, 5, 6, 7, 8, 9");
        Assert.Equal(full.InputIds, fits.InputIds);
        Assert.False(fits.Truncated);
        Assert.Equal(full.InputIds[..^1], cut.InputIds);
        Assert.True(cut.Truncated);
    }

    [Fact]
    public void A_prompt_that_fills_the_row_leaves_nothing_to_learn()
    {
        var row = new Preprocessor(Pebble, Plain, new(8, TrainOnInputs: false)).Row("Who are you?", "", "Pebble");
        Assert.Equal(8, row.InputIds.Length);
        Assert.Equal(0, row.Targets);
    }

    [Fact]
    public void Special_tokens_typed_in_a_record_stay_text()
    {
        var row = new Preprocessor(Pebble, Plain, new(256, TrainOnInputs: false)).Row("<s>Hi</s>", "<unk>", "</s>ok");
        Assert.DoesNotContain(row.InputIds[1..^1], id => id <= 2);
        Assert.EndsWith("</s>ok", Pebble.Decode(row.InputIds));
    }

    private static readonly Conversation Talk =
        new("Be brief.", [new("Who are you?", "I am Pebble."), new("What is 2 plus 2?", "4"), new("再见", "再见！")]);

    [Theory]
    [InlineData("plain")]
    [InlineData("bayling")]
    public void Every_answer_of_a_conversation_and_its_EOS_carry_loss_and_nothing_else(string name)
    {
        var row = new Preprocessor(Pebble, PromptTemplate.Load(name), new(512, TrainOnInputs: false)).Row(Talk);
        List<List<int>> runs = [];
        for (var i = 0; i < row.Labels.Length; i++)
        {
            if (row.Labels[i] != InstructionDataset.NoLoss)
            {
                if (row.Labels[i - 1] == InstructionDataset.NoLoss)
                {
                    runs.Add([]);
                }
                runs[^1].Add(row.Labels[i]);
            }
        }
        Assert.Equal(Talk.Turns.Select(turn => turn.Answer), runs.Select(run => Pebble.Decode(run)));
        Assert.All(runs, run => Assert.Equal(Pebble.EosId, run[^1]));
        Assert.False(row.Truncated);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("bayling")]
    public void Before_each_answer_a_conversation_has_the_ids_that_chat_asks_with(string name)
    {
        var template = PromptTemplate.Load(name);
        var row = new Preprocessor(Pebble, template, new(512, TrainOnInputs: false)).Row(Talk);
        for (var turn = 0; turn < Talk.Turns.Count; turn++)
        {
            var asked = (Talk with { Turns = [.. Talk.Turns.Take(turn), Talk.Turns[turn] with { Answer = null }] })
                .Encode(template, Pebble, room: 512);
            Assert.Equal(asked, row.InputIds[..asked.Length]);
            Assert.NotEqual(InstructionDataset.NoLoss, row.Labels[asked.Length]);
        }
    }

    [Fact]
    public void Alpaca_lora_has_no_form_for_a_conversation() =>
        Assert.Throws<ModelException>(
            () => new Preprocessor(Pebble, Plain, new(512, TrainOnInputs: false, LikeAlpacaLora: true)).Row(Talk));
}
