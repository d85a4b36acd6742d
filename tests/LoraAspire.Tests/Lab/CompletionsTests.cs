using LoraAspire.Lab.SubmitPages;

namespace LoraAspire.Tests.Lab;

/// <summary>What the editor offers; | is the cursor.</summary>
public sealed class CompletionsTests
{
    private const string Head = "name: one\nstages:\n  - id: data\n    uses: data-build\n    with:\n      cutoff_len: 64\n"
        + "  - id: tune\n    uses: trainer\n";

    private static readonly Completions s_completions = new(["pebble", "qwen"]);

    [Theory]
    [InlineData("|", "name,stages")]
    [InlineData("name: one\n|", "stages")]
    [InlineData("name: |", "")]
    [InlineData("stages:\n  - |", "id,uses,inputs,with,retries,timeout,needs")]
    [InlineData(Head + "    |", "inputs,with,retries,timeout,needs")]
    [InlineData(Head + "    inputs: { |", "dataset,base")]
    [InlineData(Head + "    inputs: { dataset: |", "data.dataset")]
    [InlineData(Head + "    inputs: { dataset: data.dataset, base: |", "model:pebble,model:qwen")]
    [InlineData(Head + "    inputs:\n      base: |", "model:pebble,model:qwen")]
    [InlineData(Head + "    with:\n      low_memory: |", "true,false")]
    [InlineData(Head + "    with:\n      lr_scheduler_type: |", "linear,cosine,constant")]
    [InlineData(Head + "    with:\n      rank_pattern:\n        q: |", "")]
    [InlineData("no pipeline at all\n  x: |", "")]
    public void A_place_is_offered_what_may_stand_there(string text, string offered) =>
        Assert.Equal(offered, string.Join(',', At(text).Select(one => one.Label)));

    [Fact]
    public void A_kind_is_offered_with_what_it_does() =>
        Assert.Contains(new("merger", "merger", "merges an adapter into its base model"), At("stages:\n  - id: a\n    uses: |"));

    [Fact]
    public void A_parameter_is_offered_with_its_type_and_default_until_it_is_there()
    {
        var offered = At(Head + "    with:\n      lora_r: 4\n      |");

        Assert.Contains(new("learning_rate", "learning_rate: ", "a number, usually 0.0003"), offered);
        Assert.Contains(new("lr_scheduler_type", "lr_scheduler_type: ", "linear | cosine | constant, usually linear"), offered);
        Assert.DoesNotContain(offered, one => one.Label == "lora_r");
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(99, 1)]
    [InlineData(1, 0)]
    [InlineData(1, 99)]
    public void A_place_that_is_none_is_offered_nothing(int line, int column) => Assert.Empty(s_completions.At("name: x\n", line, column));

    private static IReadOnlyList<Completion> At(string text)
    {
        var before = text[..text.IndexOf('|', StringComparison.Ordinal)];
        return s_completions.At(text.Replace("|", "", StringComparison.Ordinal), before.Count(letter => letter == '\n') + 1,
            before.Length - before.LastIndexOf('\n'));
    }
}
