namespace LoraAspire.EndToEndTests.Data;

/// <summary>`lora data` on a plain folder: no Redis, no app, no libtorch.</summary>
public sealed class LoraDataTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rows_are_shown_with_what_is_learned_and_no_escape_sequence_of_the_data_gets_through()
    {
        var folder = await BuiltDataset.MakeAsync(Cancelled);
        var (code, said) = await LoraAsync("inspect", folder, "--random", "3");
        Assert.Equal(0, code);
        Assert.Contains("Who are you?", said);
        Assert.Contains("⟦I am Pebble.⟨</s>⟩⟧", said);
        Assert.Contains("⟦我是小石。⟨</s>⟩⟧", said);
        Assert.Contains("␛[31mred 😀", said);
        Assert.DoesNotContain('\u001b', said);
    }

    [Fact]
    public async Task Tokens_are_listed_with_id_and_loss()
    {
        var (code, said) = await LoraAsync("inspect", await BuiltDataset.MakeAsync(Cancelled), "--row", "1", "--tokens");
        Assert.Equal(0, code);
        // The last of the row: EOS is id 2 and is learned. The first is BOS, id 1, and never is.
        Assert.Matches(@"(?m)^ *0 +1 <s> +<s> +- *$", said);
        Assert.Matches(@"(?m)^ *\d+ +2 </s> +</s> +loss *$", said);
        Assert.Matches(@"⟨9F⟩ of 😀 +<0x9F> +loss", said);
        Assert.DoesNotContain('\u001b', said);
    }

    [Theory]
    [InlineData(2, "No row 3: the data set has 3 rows, 0 to 2.", "--row", "3")]
    [InlineData(1, "No row matches; 3 were looked at.", "--find", "elephant")]
    [InlineData(3, "No source 'nobody'. The data set has: ", "--source", "nobody")]
    [InlineData(2, "Cannot parse argument 'x' for option '--row'", "--row", "x")]
    [InlineData(2, "Cannot parse argument 'x' for option '--limit'", "--limit", "x", "--find", "y")]
    [InlineData(2, "--row names one row", "--row", "1", "--find", "x")]
    public async Task What_cannot_be_shown_is_said(int expected, string words, params string[] options)
    {
        var (code, said) = await LoraAsync(["inspect", await BuiltDataset.MakeAsync(Cancelled), .. options]);
        Assert.Equal(expected, code);
        Assert.Contains(words, said);
        Assert.DoesNotContain("   at ", said);
    }

    [Fact]
    public async Task Stats_counts_rows_by_source()
    {
        var (code, said) = await LoraAsync("stats", await BuiltDataset.MakeAsync(Cancelled));
        Assert.Equal(0, code);
        Assert.StartsWith("3 rows, ", said);
        Assert.Matches(@"(?m)^records\.json +3 +3 ", said);
        Assert.Contains("█", said);
    }

    private static Task<(int Code, string Said)> LoraAsync(params string[] arguments) =>
        BuiltDataset.RunAsync("LoraAspire.Cli", "lora.dll", ["data", .. arguments], Cancelled);
}
