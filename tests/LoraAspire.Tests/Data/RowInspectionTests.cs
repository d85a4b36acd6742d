using LoraAspire.Model;
using LoraAspire.Model.Data;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Data;

public sealed class RowInspectionTests
{
    private const int No = InstructionDataset.NoLoss;
    private static readonly HfTokenizer Pebble = HfTokenizer.Load(Path.Combine(GoldenFolder.RepoRoot, "models", "pebble"));

    [Fact]
    public void Prompt_and_answer_are_told_apart_and_the_answer_ends_with_EOS()
    {
        var prompt = Pebble.Encode("Who are you?\n", addBos: true);
        int[] answer = [.. Pebble.EncodeContinuation("I am 小石."), Pebble.EosId];
        var row = Inspect([.. prompt, .. answer], [.. Enumerable.Repeat(No, prompt.Length), .. answer], "self", 3, 7);

        Assert.Equal(("self", 3L, 7L), (row.Source, row.SourceRow, row.Line));
        Assert.Equal([(0, prompt.Length, false), (prompt.Length, answer.Length, true)],
            row.Segments.Select(segment => (segment.Start, segment.Count, segment.CarriesLoss)));
        Assert.Equal([new RowPart("<s>", true), new("Who are you?\n", false)], row.Segments[0].Parts);
        Assert.Equal([new RowPart("I am 小石.", false), new("</s>", true)], row.Segments[1].Parts);
        Assert.Equal(answer.Length, row.LossTokens);
        Assert.True(row.EndsWithEos);
    }

    [Fact]
    public void The_first_token_carries_no_loss_whatever_its_label_says()
    {
        var ids = Pebble.Encode("Hello", addBos: false);
        var row = Inspect(ids, ids);
        Assert.False(row.Tokens[0].CarriesLoss);
        Assert.All(row.Tokens.Skip(1), token => Assert.True(token.CarriesLoss));
        Assert.Equal(ids.Length - 1, row.LossTokens);
        Assert.False(row.EndsWithEos);
    }

    [Fact]
    public void An_emoji_spread_over_byte_tokens_is_shown_byte_by_byte_with_the_character()
    {
        // U+1F600 is F0 9F 98 80 in UTF-8; the tiny base has no piece of its own for it.
        var row = Inspect(Pebble.Encode("😀", addBos: false));
        var bytes = row.Tokens.Where(token => token.PartOf is not null).ToList();
        Assert.Equal(["⟨F0⟩", "⟨9F⟩", "⟨98⟩", "⟨80⟩"], bytes.Select(token => token.Text));
        Assert.Equal(["<0xF0>", "<0x9F>", "<0x98>", "<0x80>"], bytes.Select(token => token.Piece));
        Assert.All(bytes, token => Assert.Equal("😀", token.PartOf));
        Assert.Equal("😀", string.Concat(row.Segments.Select(segment => segment.Text)));
    }

    [Fact]
    public void Bytes_that_are_no_character_stay_bytes_and_belong_to_none()
    {
        var row = Inspect(Pebble.Encode("😀", addBos: false)[..^1]);
        Assert.Equal(["⟨F0⟩", "⟨9F⟩", "⟨98⟩"],
            row.Tokens.Where(token => !token.IsSpecial).Select(token => token.Text).Where(text => text.StartsWith('⟨')));
        Assert.All(row.Tokens, token => Assert.Null(token.PartOf));
    }

    [Fact]
    public void Spaces_and_line_breaks_are_seen_and_Chinese_reads_as_it_is()
    {
        var row = Inspect(Pebble.Encode("你是谁\n and", addBos: false));
        Assert.Equal("␣你是谁↵␣and", string.Concat(row.Tokens.Select(token => token.Text)));
        Assert.Equal("你是谁\n and", Assert.Single(row.Segments).Text);
        Assert.Contains(row.Tokens, token => token is { Piece: "<0x0A>", Text: "↵" });
    }

    [Fact]
    public void A_conversation_has_a_run_of_loss_for_every_answer()
    {
        var template = PromptTemplate.Load("plain");
        Conversation talk = new(null, [new("One?", "First."), new("Two?", "Second."), new("Three?", "Third.")]);
        var built = new Preprocessor(Pebble, template, new(256, TrainOnInputs: false)).Row(talk);
        var row = Inspect(built.InputIds, built.Labels);
        Assert.Equal([false, true, false, true, false, true], row.Segments.Select(segment => segment.CarriesLoss));
        Assert.Equal(["First.</s>", "Second.</s>", "Third.</s>"],
            row.Segments.Where(segment => segment.CarriesLoss).Select(segment => segment.Text));
        Assert.Equal(built.Targets, row.LossTokens);
    }

    [Fact]
    public void An_id_that_the_tokenizer_does_not_have_is_refused()
    {
        var wrong = Assert.Throws<ModelException>(() => Inspect([1, Pebble.VocabSize]));
        Assert.Contains($"id {Pebble.VocabSize}", wrong.Message);
    }

    [Theory]
    [InlineData("\u001b[31mred", "␛[31mred")]
    [InlineData("a\r\nb\tc", "a␍\nb\tc")]
    [InlineData("\u202Eevil\u009B2J\u0007", "⟨U+202E⟩evil⟨U+009B⟩2J␇")]
    [InlineData("👩\u200D🔬 [bold]x[/]", "👩\u200D🔬 [bold]x[/]")]
    public void What_a_terminal_would_obey_is_spelled_out(string text, string shown) => Assert.Equal(shown, VisibleText.Safe(text));

    [Theory]
    [InlineData("tokenizers/qwen2.5")]
    [InlineData("tokenizers/llama2")]
    public void The_tokens_of_a_real_vocabulary_give_the_text_byte_for_byte(string folder)
    {
        const string Text = "The 3 parrots\r\n\tsaid: 你好，鹦鹉 🦜👩\u200D🔬  naïve </s>";
        var tokenizer = HfTokenizer.Load(GoldenFolder.Require(GoldenFolder.SharedData, folder));
        var ids = tokenizer.Encode(Text, addBos: false);
        var bytes = System.Text.Encoding.UTF8.GetString([.. ids.SelectMany(tokenizer.Bytes)]);
        Assert.Equal(Text, folder.EndsWith("llama2", StringComparison.Ordinal) ? bytes[1..] : bytes);
        Assert.Empty(tokenizer.Bytes(tokenizer.EosId));
        var row = Inspect([.. ids, tokenizer.EosId], tokenizer: tokenizer);
        Assert.Equal(Text, row.Segments[0].Parts[0].Text);
        Assert.True(row.EndsWithEos);
        Assert.Contains(row.Tokens, token => token.PartOf == "🦜");
    }

    private static RowInspection Inspect(int[] ids, int[]? labels = null, string source = "s", long sourceRow = 0, long line = 0,
        HfTokenizer? tokenizer = null)
    {
        var folder = Directory.CreateTempSubdirectory("lora-").FullName;
        using (InstructionDatasetWriter writer = new(folder))
        {
            writer.Add(ids, labels ?? [.. ids.Select(_ => No)], source, sourceRow, line);
            writer.Complete();
        }
        using var dataset = InstructionDataset.Open(folder);
        return RowInspection.Of(dataset, tokenizer ?? Pebble, 0);
    }
}
