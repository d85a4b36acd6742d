using LoraAspire.Lab.SubmitPages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.Tests.Lab;

/// <summary>What the editor offers; | is the cursor.</summary>
public sealed class CompletionsTests
{
    private const string Head = "name: one\nstages:\n  - id: data\n    uses: data-build\n    with:\n      cutoff_len: 64\n"
        + "  - id: tune\n    uses: trainer\n";

    private const string Data = "stages:\n  - id: data\n    uses: data-build\n    with:\n";

    private const string Source = Data + "      sources:\n        ";

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
    [InlineData(Source + "- alpaca: { path: a.json, sample: 3, |", "columns,fill,share,weight,repeat")]
    [InlineData(Source + "- alpaca:\n            path: a.json\n            |", "columns,fill,sample,share,weight,repeat")]
    [InlineData(Source + "- alpaca: { path: a.json }\n        - self_cognition:\n            name: x\n            |",
        "developer,abilities,languages,written,sample,share,weight,repeat")]
    [InlineData(Source + "- alpaca: { path: 'it, {is}', |", "columns,fill,sample,share,weight,repeat")]
    [InlineData(Source + "- alpaca: { path: |", "")]
    [InlineData(Data + "      held_out: [{ alpaca: { path: b.json }}]\n      train_on_inputs: |", "true,false")]
    [InlineData(Data + "      dedup: { |", "exact,near")]
    [InlineData(Data + "      writer:\n        provider: |", "open-ai,ollama,chat")]
    [InlineData(Data + "      nothing: { of: { ours: { |", "")]
    [InlineData("no pipeline at all\n  x: |", "")]
    public void A_place_is_offered_what_may_stand_there(string text, string offered) =>
        Assert.Equal(offered, string.Join(',', At(text).Select(one => one.Label)));

    [Theory]
    [InlineData("- |")]
    [InlineData("- alpaca: { path: a.json }\n        - |")]
    [InlineData("- alpaca: { path: a.json }\n      held_out: [{ |")]
    public void A_source_is_offered_the_kinds_that_there_are(string text)
    {
        var offered = At(Source + text);

        Assert.Equal(SourceKinds.All.Keys, offered.Select(one => one.Label));
        Assert.All(offered, one => Assert.InRange(one.Detail.Length, 5, 120));
    }

    /// <summary>Whatever record a key leads to, and however it is made.</summary>
    [Fact]
    public void Every_key_of_every_kind_can_be_opened()
    {
        static int Opened(string text, int depth) => depth == 0 ? 0
            : At(text + "{ |").Sum(one => 1 + Opened($"{text}{{ {one.Label}: ", depth - 1));

        Assert.All(StageKinds.All, kind =>
        {
            var keys = kind.Params.GetProperties().Count(one => one.CanWrite);
            Assert.InRange(Opened($"stages:\n  - id: a\n    uses: {kind.Name}\n    with: ", 4), keys, 1000);
        });
    }

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
