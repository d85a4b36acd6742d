using LLama;
using LLama.Native;
using LoraAspire.Model;
using LoraAspire.Model.Export.Gguf;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.ExportTests;

[Collection("llama.cpp")]
public sealed class QuantizationTests
{
    [Fact]
    public void A_block_of_q8_0_is_the_largest_over_127_and_the_nearest_multiples()
    {
        var row = new float[32];
        // d = 127 / 127 = 1: halves go away from zero, and the largest float below ½ stays 0.
        (row[0], row[1], row[2], row[3], row[4], row[5]) = (127, 2.5f, -2.5f, 0.49999997f, -63.4f, 1.5f);

        var bytes = Encoded(GgmlType.Q8, row);

        Assert.Equal((Half)1, BitConverter.ToHalf(bytes));
        Assert.Equal([127, 3, -3, 0, -63, 2], bytes[2..8].Select(value => (int)(sbyte)value));
        Assert.All(bytes[8..], value => Assert.Equal(0, value));
    }

    [Fact]
    public void A_block_of_q4_0_puts_the_number_of_the_largest_magnitude_at_minus_eight()
    {
        var row = new float[32];
        // d = −16 / −8 = 2: q = x / 2 + 8, at most 15; the first shares its byte with the seventeenth.
        (row[0], row[16], row[1], row[17]) = (-16, 15.9f, 3, -0.9f);

        var bytes = Encoded(GgmlType.Q4, row);

        Assert.Equal((Half)2, BitConverter.ToHalf(bytes));
        Assert.Equal(0 | (15 << 4), bytes[2]);
        Assert.Equal(10 | (8 << 4), bytes[3]);
        Assert.All(bytes[4..], value => Assert.Equal(0x88, value));
    }

    [Theory]
    [InlineData(GgmlType.Q8)]
    [InlineData(GgmlType.Q4)]
    public void A_block_of_zeros_has_scale_zero(GgmlType type) =>
        Assert.Equal((Half)0, BitConverter.ToHalf(Encoded(type, new float[32])));

    [Fact]
    public void Bfloat16_rounds_halves_to_even()
    {
        float[] row = [BitConverter.UInt32BitsToSingle(0x3F808000), BitConverter.UInt32BitsToSingle(0x3F818000), 1, -3];
        var bytes = Encoded(GgmlType.BF16, row);
        Assert.Equal([0x3F80, 0x3F82, 0x3F80, 0xC040], Enumerable.Range(0, 4).Select(i => (int)BitConverter.ToUInt16(bytes, i * 2)));
    }

    [Theory]
    [InlineData(GgmlType.Q8, LLamaFtype.MOSTLY_Q8_0)]
    [InlineData(GgmlType.Q4, LLamaFtype.MOSTLY_Q4_0)]
    public void Blocks_are_those_that_llama_cpp_makes_of_the_float32_file(GgmlType type, LLamaFtype theirs)
    {
        using Scratch scratch = new();
        var folder = Wide(scratch.At("model"));
        FamilyTests.Export(folder, scratch.At("ours.gguf"), type);
        FamilyTests.Export(folder, scratch.At("whole.gguf"), GgmlType.F32);

        LlamaCpp.Log.Clear();
        Assert.True(LLamaQuantizer.Quantize(scratch.At("whole.gguf"), scratch.At("theirs.gguf"), theirs, nthread: 1,
            quantizeOutputTensor: true), LlamaCpp.Log.ToString());

        GgufReader ours = new(scratch.At("ours.gguf")), made = new(scratch.At("theirs.gguf"));
        Assert.Equal(made.Tensors.Keys.Order(), ours.Tensors.Keys.Order());
        // llama.cpp keeps the head of a 4-bit file at 6 bits in blocks of 256, where this has 8.
        var same = ours.Tensors.Keys.Where(name => type == GgmlType.Q8 || name != "output.weight").ToList();
        Assert.Contains("blk.1.ffn_down.weight", same);
        Assert.All(same, name =>
        {
            Assert.Equal(made.Tensors[name].Type, ours.Tensors[name].Type);
            Assert.Equal(made.Bytes(name), ours.Bytes(name));
        });
        Assert.Equal((uint)GgmlType.Q8, ours.Tensors["output.weight"].Type);
    }

    [Theory]
    [InlineData(float.NaN, GgmlType.F32, "not finite")]
    [InlineData(float.NegativeInfinity, GgmlType.Q8, "not finite")]
    [InlineData(70000f, GgmlType.F16, "bf16 or f32")]
    public void A_number_that_the_type_cannot_hold_is_refused_and_no_file_is_left(float number, GgmlType type, string words)
    {
        using Scratch scratch = new();
        GgufTensor tensor = new("t", type, [1, 32], 1, 32, (_, _, into) => Array.Fill(into, number));

        var error = Assert.Throws<ModelException>(
            () => GgufWriter.Write(scratch.At("m.gguf"), new(), [tensor], () => { }, TestContext.Current.CancellationToken));

        Assert.Contains(words, error.Message);
        Assert.Empty(Directory.GetFiles(scratch.Path));
    }

    /// <summary>A random model all of whose rows are whole blocks: the tool takes no other.</summary>
    private static string Wide(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), """
            { "model_type": "llama", "vocab_size": 64, "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2,
              "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128, "rms_norm_eps": 1e-5 }
            """);
        using var model = LlamaModel.Initialize(ModelConfig.Load(folder), CPU, float32, seed: 3);
        SafetensorsWriter.Write(Path.Combine(folder, WeightFiles.Single),
            [.. model.Weights().Select(weight => TensorSource.Of(weight.Name, weight.Tensor))]);
        return folder;
    }

    private static byte[] Encoded(GgmlType type, float[] row)
    {
        var bytes = new byte[type.RowBytes(row.Length)];
        BlockQuantizer.Encode(type, row, bytes);
        return bytes;
    }
}
