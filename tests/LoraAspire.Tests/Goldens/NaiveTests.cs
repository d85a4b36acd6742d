using System.Text.Json;
using LoraAspire.Tests.Goldens.Own;

namespace LoraAspire.Tests.Goldens;

/// <summary>What our own goldens are computed with must itself be right: against the shared ones, and by its slopes.</summary>
[Trait("Category", "Goldens")]
public sealed class NaiveTests
{
    private static readonly string[] s_layout = ["models", "lora", "merge_bf16", "tokenizer", "preprocess", "trainer"];

    public static TheoryData<string> Models => GoldenFolder.Cases("models", holding: "golden.safetensors");

    public static TheoryData<string> Tokenizers => GoldenFolder.Cases("", "tokenizer", holding: "roundtrip.json");

    [Fact]
    public void The_goldens_of_transformers_and_peft_were_checked_too()
    {
        var missing = s_layout.Where(folder => !GoldenFolder.Names(folder).Concat(GoldenFolder.Names("", folder))
            .Any(name => name.StartsWith("shared/", StringComparison.Ordinal))).ToArray();
        Assert.SkipWhen(missing.Length > 0,
            $"{GoldenFolder.Root} has no {string.Join(", ", missing)}: there only this project's own goldens, by formulas in float64, "
                + "were checked.");
    }

    [Theory, MemberData(nameof(Models))]
    public void The_naive_model_gives_the_logits_and_the_loss_of_transformers(string name)
    {
        var folder = GoldenFolder.At(name);
        Assert.SkipUnless(File.Exists(Path.Combine(folder, "model.safetensors")), $"{name} has its weights in another format.");
        var config = JsonElement.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
        var golden = PlainSafetensors.Read(Path.Combine(folder, "golden.safetensors"));
        var model = OwnModels.Model(config, PlainSafetensors.Read(Path.Combine(folder, "model.safetensors")));
        var (rows, width) = (golden["input_ids"].Shape[0], golden["input_ids"].Shape[1]);
        var vocabulary = golden["logits"].Shape[2];
        double difference = 0, loss = 0, targets = 0;
        for (var i = 0; i < rows; i++)
        {
            int[] Row(string part, int length) => [.. golden[part].Values.Skip(i * width).Take(length).Select(number => (int)number)];
            var length = Row("attention_mask", width).Sum();
            var row = new NaiveRow(Row("input_ids", length), Row("labels", length));
            var expected = golden["logits"].Values.Skip(i * width * vocabulary);
            difference = Math.Max(difference,
                model.Logits(row.Ids).SelectMany(logits => logits).Zip(expected, (logit, other) => Math.Abs(logit.Value - other)).Max());
            loss += model.SummedLoss(row.Ids, row.Labels).Value;
            targets += row.Targets;
        }

        Assert.InRange(difference, 0, 1e-5); // their float32 is off by 5e-6
        var said = JsonElement.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json"))).GetProperty("loss").GetDouble();
        Assert.Equal(said, loss / targets, 1e-6);
    }

    [Theory, MemberData(nameof(Tokenizers))]
    public void The_naive_tokenizer_gives_the_ids_and_the_texts_of_SentencePiece(string name)
    {
        var tokenizer = NaiveSentencePiece.Load(Path.Combine(GoldenFolder.At(name), "tokenizer.model"));
        var golden = JsonElement.Parse(File.ReadAllBytes(Path.Combine(GoldenFolder.At(name), "roundtrip.json")));
        Assert.All(GoldenFolder.Rows(golden, "cases"), item =>
        {
            var text = item.GetProperty("text").GetString()!;
            var ids = TokenizerIds(item.TryGetProperty("sp_ids", out var plain) ? plain : item.GetProperty("ids"));
            Assert.Equal(ids, tokenizer.Encode(text));
            Assert.Equal(TokenizerIds(item.GetProperty("ids")), tokenizer.EncodeLegacy(text));
            Assert.Equal((item.TryGetProperty("sp_decoded", out var decoded) ? decoded : item.GetProperty("decoded")).GetString(),
                tokenizer.Decode(ids));
        });
    }

    [Fact]
    public void A_gradient_on_the_tape_is_the_slope_of_the_loss()
    {
        const string Name = "model.layers.0.self_attn.k_proj.weight";
        const double Step = 1e-5;
        var config = OwnModels.Config("qwen3");
        var weights = OwnModels.Weights("qwen3", config)
            .ToDictionary(weight => weight.Key, weight => weight.Value.Values.Select(value => (Num)value).ToArray());
        var row = OwnModels.Rows(new Random(1), 40, 9)[0];
        double Loss(Num[] matrix) =>
            new NaiveLlama(config, new Dictionary<string, Num[]>(weights) { [Name] = matrix }).SummedLoss(row.Ids, row.Labels).Value;
        using var tape = Tape.Start();
        var variables = weights[Name].Select(weight => tape.Variable(weight.Value)).ToArray();
        var model = new NaiveLlama(config, new Dictionary<string, Num[]>(weights) { [Name] = variables });

        var gradient = tape.Gradient(model.SummedLoss(row.Ids, row.Labels));

        Assert.All(Enumerable.Range(0, variables.Length), i =>
        {
            var matrix = weights[Name].ToArray();
            matrix[i] += Step;
            var above = Loss(matrix);
            matrix[i] -= 2 * Step;
            Assert.Equal((above - Loss(matrix)) / (2 * Step), gradient[variables[i].Node], 1e-7);
        });
    }

    /// <summary>Between 1 and 2 bf16 has steps of 2⁻⁷.</summary>
    [Theory]
    [InlineData(1 + (1 / 256.0), 1)]
    [InlineData(1 + (3 / 256.0), 1 + (4 / 256.0))]
    [InlineData(1 + (1 / 256.0) + 1e-12, 1 + (2 / 256.0))]
    [InlineData(-3.14159265, -3.140625)]
    public void Bf16_is_rounded_to_the_nearest_and_a_tie_to_the_even(double value, double rounded) =>
        Assert.Equal(rounded, Plain.Round(value, Stored.BF16));

    private static int[] TokenizerIds(JsonElement ids) => ids.Deserialize<int[]>()!;
}
