using System.Text.Json;
using LoraAspire.DataBuild.Output;
using LoraAspire.Model.Data;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Data;

[Trait("Category", "Goldens")]
public sealed class PreprocessGoldens
{
    public static TheoryData<string> Files => GoldenFolder.Cases("preprocess", "preprocess_*.json");

    public static TheoryData<string> Collated => GoldenFolder.Cases("preprocess", "collate_*.json");

    [Theory, MemberData(nameof(Files))]
    public void Rows_like_alpaca_lora_have_the_golden_ids_mask_and_labels(string file)
    {
        var golden = Read(file);
        var tokenizer = Tokenizer(file);
        var template = Template(golden);
        foreach (var run in GoldenFolder.Rows(golden, "runs"))
        {
            Preprocessor preprocessor = new(tokenizer, template, new(run.GetProperty("cutoff_len").GetInt32(),
                run.GetProperty("train_on_inputs").GetBoolean(), run.GetProperty("add_eos_token").GetBoolean(), LikeAlpacaLora: true));
            foreach (var (record, expected) in GoldenFolder.Rows(golden, "records").Zip(GoldenFolder.Rows(run, "rows")))
            {
                var row = Row(preprocessor, record);
                Assert.Equal(Ints(expected, "input_ids"), row.InputIds);
                Assert.Equal(Ints(expected, "labels"), row.Labels);
                Assert.Equal(Ints(expected, "attention_mask"), Enumerable.Repeat(1, row.InputIds.Length));
            }
        }
    }

    [Theory, MemberData(nameof(Files))]
    public void The_default_differs_only_where_it_means_to(string file)
    {
        var golden = Read(file);
        var tokenizer = Tokenizer(file);
        Preprocessor ours = new(tokenizer, Template(golden), new(512, TrainOnInputs: false));
        Preprocessor theirs = new(tokenizer, Template(golden), new(512, TrainOnInputs: false, LikeAlpacaLora: true));
        AlpacaLoraDifference difference = new(tokenizer, Template(golden), new() { CutoffLen = 512, TrainOnInputs = false });
        foreach (var record in GoldenFolder.Rows(golden, "records"))
        {
            var (our, their) = (Row(ours, record), Row(theirs, record));
            var reason = difference.Of(
                new(null, [new(record.GetProperty("instruction").GetString()!, record.GetProperty("output").GetString(),
                    record.GetProperty("input").GetString())]), our);
            Assert.NotEqual(RowDifference.Unexplained, reason);
            if (reason == RowDifference.TypedSpecialToken)
            {
                Assert.DoesNotContain(our.InputIds[1..^1], id => id <= 2);
            }
            else if (reason == RowDifference.None)
            {
                Assert.Equal(their.InputIds, our.InputIds);
                Assert.Equal(their.Labels, our.Labels);
            }
        }
    }

    [Theory, MemberData(nameof(Collated))]
    public void Padded_batches_equal_the_golden(string file)
    {
        var golden = Read(file);
        var source = Read(file.Replace("collate_", "preprocess_"));
        Preprocessor preprocessor = new(Tokenizer(file), Template(source),
            new(512, TrainOnInputs: false, LikeAlpacaLora: true));
        var records = GoldenFolder.Rows(source, "records").ToList();
        foreach (var expected in GoldenFolder.Rows(golden, "batches"))
        {
            var rows = Ints(expected, "records").Select(index => Row(preprocessor, records[index]))
                .Select(row => (row.InputIds, row.Labels)).ToList();
            var batch = Collator.Pad(rows, PaddingSide.Left, multipleOf: 8);
            Assert.Equal(Flat(expected, "input_ids"), batch.InputIds.Cast<long>());
            Assert.Equal(Flat(expected, "labels"), batch.Labels.Cast<long>());
            Assert.Equal(Flat(expected, "attention_mask"), batch.AttentionMask.Cast<long>());
        }
    }

    private static JsonElement Read(string file) => JsonElement.Parse(File.ReadAllBytes(GoldenFolder.At(file)));

    private static HfTokenizer Tokenizer(string file) => HfTokenizer.Load(GoldenFolder.Beside(file, "tokenizer"));

    private static PromptTemplate Template(JsonElement golden) => golden.GetProperty("template").Deserialize<PromptTemplate>()!;

    private static TokenizedRow Row(Preprocessor preprocessor, JsonElement record) => preprocessor.Row(
        record.GetProperty("instruction").GetString()!, record.GetProperty("input").GetString(), record.GetProperty("output").GetString());

    private static int[] Ints(JsonElement row, string key) => [.. row.GetProperty(key).EnumerateArray().Select(id => id.GetInt32())];

    private static long[] Flat(JsonElement batch, string key) =>
        [.. batch.GetProperty(key).EnumerateArray().SelectMany(row => row.EnumerateArray().Select(id => id.GetInt64()))];
}
