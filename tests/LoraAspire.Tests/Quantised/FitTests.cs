using System.Text.Json;
using LoraAspire.Cli;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Fit;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Terminal;

namespace LoraAspire.Tests.Quantised;

/// <summary>What training takes, by its shapes: against a calculation by hand, and against what nvidia-smi showed.</summary>
[Collection(CapturedTerminal.Collection)]
public sealed class FitTests : IDisposable
{
    private const double Gib = 1 << 30;

    private static readonly BaseFormat[] s_all = Enum.GetValues<BaseFormat>();

    private readonly CapturedTerminal _terminal = new();

    public void Dispose() => _terminal.Dispose();

    private static FitWork Llama7B { get; } = new(TinyModel.Llama7B,
        new LoraConfig(8, 16, 0.05, ["q_proj", "k_proj", "v_proj", "o_proj"]));

    [Fact]
    public void The_parts_of_seven_thousand_million_weights_are_those_counted_by_hand()
    {
        const long Linear = 32L * ((4 * 4096 * 4096) + (3 * 4096 * 11008)), Ends = 2L * 2 * 32000 * 4096;
        var nf4 = Footprint.Of(Llama7B, BaseFormat.Nf4, recompute: true, tokens: 2048);

        Assert.Equal(32L * 4 * 8 * (4096 + 4096), Footprint.Trained(Llama7B));
        Assert.Equal((Linear / 2) + (Linear / 64) + (Linear / 64 / 256 * 4), nf4.Weights);
        Assert.Equal(Ends, nf4.Ends);
        Assert.Equal(2L * 2 * 11008 * 4096, nf4.Buffer);
        Assert.Equal(2 * Linear, Footprint.Of(Llama7B, BaseFormat.Bf16, true, 2048).Weights);
        Assert.Equal(0, Footprint.Of(Llama7B, BaseFormat.Bf16, true, 2048).Buffer);
        Assert.Equal(Linear + (32L * 4 * ((4 * 4096) + (2 * 11008) + 4096)), Footprint.Of(Llama7B, BaseFormat.Int8, true, 2048).Weights);
        Assert.Equal((Linear / 2) + (Linear / 16), Footprint.Of(Llama7B with { DoubleQuant = false }, BaseFormat.Nf4, true, 2048).Weights);
        Assert.Equal(4 * Linear, Footprint.Of(Llama7B with { OnGpu = false }, BaseFormat.Bf16, true, 2048).Weights);
    }

    /// <summary>Alpaca's rows on an H100, in micro-batches of 2,048 tokens: 10.57 GiB as nvidia-smi has it.</summary>
    [Fact]
    public void What_Gemma_2_keeps_besides_is_counted()
    {
        FitWork work = new(TinyModel.Gemma2 with
        {
            VocabSize = 256_000,
            HiddenSize = 2304,
            IntermediateSize = 9216,
            NumHiddenLayers = 26,
            NumAttentionHeads = 8,
            NumKeyValueHeads = 4,
            HeadDim = 256,
        }, new LoraConfig(8, 16, 0.05, ["q_proj", "k_proj", "v_proj", "o_proj"]));
        FitWork plain = work with
        {
            Config = work.Config with { OutputNorms = false, LogitCap = null, ScoreCap = null, AttentionScale = null },
        };

        var (own, other) = (Footprint.Of(work, BaseFormat.Bf16, false, 2048), Footprint.Of(plain, BaseFormat.Bf16, false, 2048));

        Assert.Equal(1.03 * 2048 * 26 * ((2 * 2 * 2304) + 8), own.Kept - other.Kept, 1.0);
        Assert.Equal(1.03 * 2048 * 2 * 256_000, own.Passing - other.Passing, 1.0); // 1 − tanh² of the logits
        Assert.InRange(own.Total / Gib, 10.57, 11.6);
        // Of a row of 16,384 tokens one head's scores are there together, more than are otherwise: six times 1 GiB.
        Assert.InRange(Footprint.Of(work, BaseFormat.Bf16, true, 16_384).Passing / Gib, 6, 8);
    }

    [Fact]
    public void In_float32_on_a_GPU_numbers_and_what_is_kept_of_them_take_twice_as_much_and_codes_as_before()
    {
        var wide = Llama7B with { BytesAsked = 4 };
        foreach (var format in new[] { BaseFormat.Bf16, BaseFormat.Nf4 })
        {
            var (half, whole) = (Footprint.Of(Llama7B, format, false, 2048), Footprint.Of(wide, format, false, 2048));
            Assert.Equal(format == BaseFormat.Nf4 ? half.Weights : 2 * half.Weights, whole.Weights);
            Assert.Equal((2 * half.Ends, 2 * half.Buffer, half.Adapters, half.Process),
                (whole.Ends, whole.Buffer, whole.Adapters, whole.Process));
            // A float32 of each row and head is one in any case: 34 of some 50,000 of a token and layer.
            Assert.Equal(2, (double)whole.Kept / half.Kept, 0.002);
            Assert.Equal(2, (double)whole.Passing / half.Passing, 1e-6);
        }
        // float16 takes what bfloat16 does.
        Assert.Equal(Footprint.Of(Llama7B, BaseFormat.Bf16, false, 2048),
            Footprint.Of(Llama7B with { BytesAsked = 2 }, BaseFormat.Bf16, false, 2048));
        Assert.Equal(Footprint.Of(wide with { OnGpu = false }, BaseFormat.Bf16, true, 2048),
            Footprint.Of(Llama7B with { OnGpu = false }, BaseFormat.Bf16, true, 2048));
    }

    /// <summary>Measured on one H100 with Alpaca's rows (docs/speed.md); the micro-batches had that many tokens.</summary>
    [Theory]
    [InlineData(BaseFormat.Bf16, false, 7_550, 38.9)]
    [InlineData(BaseFormat.Bf16, false, 15_100, 60.4)]
    [InlineData(BaseFormat.Bf16, true, 1_890, 14.3)]
    [InlineData(BaseFormat.Int8, false, 7_550, 33.3)]
    [InlineData(BaseFormat.Int8, true, 1_890, 8.68)]
    [InlineData(BaseFormat.Nf4, false, 7_550, 30.2)]
    [InlineData(BaseFormat.Nf4, true, 1_890, 5.65)]
    public void What_is_estimated_is_what_was_measured(BaseFormat format, bool recompute, int tokens, double gib) =>
        Assert.InRange(Footprint.Of(Llama7B, format, recompute, tokens).Total / Gib, 0.95 * gib, 1.05 * gib);

    [Theory]
    [InlineData(80, true, BaseFormat.Fp8, false)]
    [InlineData(80, false, BaseFormat.Bf16, false)]
    [InlineData(24, false, BaseFormat.Bf16, false)]
    [InlineData(15, false, BaseFormat.Int8, false)] // nf4 would be no faster, and errs more
    [InlineData(8, true, BaseFormat.Nf4, true)]
    public void The_fastest_that_fits_is_the_one_that_the_card_has_room_for(double gib, bool fp8, BaseFormat format, bool recompute)
    {
        var best = FitTable.Of(Llama7B, (long)(gib * Gib), s_all.Where(one => fp8 || one != BaseFormat.Fp8)).Fastest();

        Assert.Equal((format, recompute), (best!.Format, best.Recompute));
        Assert.InRange(best.Memory.Total, 0, gib * Gib);
    }

    [Fact]
    public void Nothing_fits_where_the_codes_alone_are_too_large() =>
        Assert.Null(FitTable.Of(Llama7B, (long)(3 * Gib), s_all).Fastest());

    [Fact]
    public void More_tokens_take_more_memory_and_quantising_or_recomputing_takes_time()
    {
        var rows = FitTable.Of(Llama7B, (long)(80 * Gib), s_all).All;
        FitRow Row(BaseFormat format, bool recompute, int tokens) =>
            rows.Single(row => (row.Format, row.Recompute, row.Tokens) == (format, recompute, tokens));

        Assert.Equal(1, Row(BaseFormat.Bf16, false, 8192).Speed, 1e-9);
        Assert.True(Row(BaseFormat.Bf16, false, 4096).Memory.Total < Row(BaseFormat.Bf16, false, 8192).Memory.Total);
        Assert.True(Row(BaseFormat.Bf16, true, 8192).Memory.Total < Row(BaseFormat.Bf16, false, 8192).Memory.Total);
        Assert.True(Row(BaseFormat.Nf4, false, 8192).Speed < Row(BaseFormat.Bf16, false, 8192).Speed);
        Assert.True(Row(BaseFormat.Bf16, true, 8192).Speed < Row(BaseFormat.Bf16, false, 8192).Speed);
        Assert.True(Row(BaseFormat.Fp8, false, 8192).Speed > Row(BaseFormat.Bf16, false, 8192).Speed);
        // Measured on one H100, over bf16's 20,560 tokens a second.
        Assert.Equal(0.64, Row(BaseFormat.Bf16, true, 2048).Speed, 0.03);
        Assert.Equal(0.97, Row(BaseFormat.Nf4, false, 8192).Speed, 0.03);
        Assert.Equal(0.97, Row(BaseFormat.Int8, false, 8192).Speed, 0.03);
        Assert.Equal(0.575, Row(BaseFormat.Nf4, true, 2048).Speed, 0.03);
        Assert.Equal(0.56, Row(BaseFormat.Int8, true, 2048).Speed, 0.03);
    }

    [Fact]
    public async Task The_command_prints_a_table_and_what_fits_fastest()
    {
        Assert.Equal(0, await LoraCommand.RunAsync(["fit", "--base", GoldenFolder.Pebble, "--gpu-memory", "24GiB"]));
        var text = _terminal.Out;
        Assert.Contains("24.0 GiB of memory", text, StringComparison.Ordinal);
        Assert.Contains("Fastest that fits: base_type: fp8, low_memory: false", text, StringComparison.Ordinal);
        Assert.Equal(8, text.Split('\n').Count(line => line.Contains(" yes ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task As_JSON_it_has_every_combination_with_its_parts()
    {
        Assert.Equal(0, await LoraCommand.RunAsync(
            ["fit", "--base", GoldenFolder.Pebble, "--gpu-memory", "1", "--lora-r", "4", "--lora-target-modules", "all-linear", "--json"]));
        using var json = JsonDocument.Parse(_terminal.Out);
        var rows = json.RootElement.GetProperty("rows").EnumerateArray().ToList();
        Assert.Equal(4 * 2 * 6, rows.Count);
        Assert.All(rows, row => Assert.Equal(row.GetProperty("bytes").GetInt64(),
            row.GetProperty("parts").EnumerateObject().Sum(part => part.Value.GetInt64())));
        Assert.Equal(1L << 30, json.RootElement.GetProperty("memory_bytes").GetInt64());
    }

    [Theory]
    [InlineData(3, "fit", "--base", "nobody", "--gpu-memory", "24GiB", "Nothing is fetched from the Hub: download nobody")]
    [InlineData(2, "fit", "--base", ".", "--gpu-memory", "much", "'much' is no size of a card")]
    [InlineData(1, "fit", "--base", ".", "--lora-target-modules", "query", "no layer is called so")]
    [InlineData(2, "fit", "--base", ".", "--lora-r", "0", "--lora-r is 1 to 65536")]
    public async Task What_it_cannot_compute_is_said(int code, params string[] words)
    {
        Assert.Equal(code, await LoraCommand.RunAsync([.. words[..^1].Select(word => word == "." ? GoldenFolder.Pebble : word)]));
        Assert.Contains(words[^1], _terminal.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("24GiB", 24L << 30)]
    [InlineData("24", 24L << 30)]
    [InlineData("1.5 GiB", 3L << 29)]
    [InlineData("24GB", 24_000_000_000)]
    public void A_size_is_read_in_its_unit(string text, long bytes) => Assert.Equal(bytes, FitCommand.Bytes(text));
}
