using System.Text.Json.Nodes;
using LoraAspire.Model.Export.Gguf;
using LoraAspire.Model.Network;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Model.Weights;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.ExportTests;

/// <summary>Tiny models of every family: llama.cpp's logits are LlamaModel's.</summary>
[Collection("llama.cpp")]
public sealed class FamilyTests(ITestOutputHelper output)
{
    private const double Tolerance = 1e-3;

    /// <summary>llama.cpp looks GELU up in a table of float16: see <see cref="Gemma_differs_by_the_rounding_of_its_GELU_alone"/>.</summary>
    private const double GeluTolerance = 4e-3;

    public static TheoryData<string> Models => GoldenFolder.Cases("models", holding: "golden.json");

    [Theory, MemberData(nameof(Models))]
    public void Logits_in_float32_are_ours(string name)
    {
        using Scratch scratch = new();
        var folder = GoldenFolder.At(name);
        var config = ModelConfig.Load(folder);
        var ids = Ids(config);
        using var ours = LlamaModel.Load(folder, CPU, ScalarType.Float32);

        using var theirs = LlamaCpp.Load(Export(folder, scratch.At("m.gguf"), GgmlType.F32));
        var difference = Difference(Logits(ours, ids), theirs.Logits(ids));

        output.WriteLine($"{name}: logits differ by {difference:G3}");
        Assert.InRange(difference, 0, config.HiddenAct == "silu" ? Tolerance : GeluTolerance);
        Assert.Equal(Greedy(ours, ids[..4], 12), theirs.Greedy(ids[..4], Math.Min(12, ids.Length - 4)));
    }

    [Theory]
    [InlineData("own/models/gemma")]
    [InlineData("own/models/gemma2")]
    public void Gemma_differs_by_the_rounding_of_its_GELU_alone(string name)
    {
        using Scratch scratch = new();
        var folder = scratch.At("model");
        Directory.CreateDirectory(folder);
        File.Copy(Path.Combine(GoldenFolder.At(name), "config.json"), Path.Combine(folder, "config.json"));
        using (var scope = NewDisposeScope())
        using (var weights = WeightFiles.Open(GoldenFolder.At(name)))
        {
            // GELU(0) is 0 in any table.
            SafetensorsWriter.Write(Path.Combine(folder, WeightFiles.Single), [.. weights.Tensors.Select(entry =>
                TensorSource.Of(entry.Name, entry.Name.Contains("gate_proj") ? zeros([.. entry.Shape]) : weights.Read(entry.Name)))]);
        }
        var ids = Ids(ModelConfig.Load(folder));
        using var ours = LlamaModel.Load(folder, CPU, ScalarType.Float32);
        using var theirs = LlamaCpp.Load(Export(folder, scratch.At("m.gguf"), GgmlType.F32));

        Assert.InRange(Difference(Logits(ours, ids), theirs.Logits(ids)), 0, 1e-4);
    }

    [Theory]
    [InlineData("""{ "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32 }""")]
    [InlineData("""{ "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "attention_factor": 1.5 }""")]
    [InlineData("""{ "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "beta_fast": 20, "beta_slow": 2 }""")]
    [InlineData("""{ "type": "linear", "factor": 3.0 }""")]
    [InlineData("""{ "type": "dynamic", "factor": 3.0 }""")]
    public void Rope_is_scaled_alike(string scaling)
    {
        using Scratch scratch = new();
        foreach (var family in new[] { "llama2", "qwen2" })
        {
            var from = GoldenFolder.At("own/models/" + family);
            var folder = Directory.CreateDirectory(scratch.At(family)).FullName;
            File.Copy(Path.Combine(from, WeightFiles.Single), Path.Combine(folder, WeightFiles.Single));
            var config = JsonNode.Parse(File.ReadAllText(Path.Combine(from, "config.json")))!.AsObject();
            config["rope_scaling"] = JsonNode.Parse(scaling);
            config["rope_theta"] = 500.0;
            File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
            int[] ids = [.. Enumerable.Range(0, 100).Select(i => 3 + (i * 7 % 37))];
            using var ours = LlamaModel.Load(folder, CPU, ScalarType.Float32);
            using var theirs = LlamaCpp.Load(Export(folder, scratch.At(family + ".gguf"), GgmlType.F32));

            var difference = Difference(Logits(ours, ids), theirs.Logits(ids));

            output.WriteLine($"{family}: logits differ by {difference:G3}");
            Assert.InRange(difference, 0, Tolerance);
        }
    }

    [Theory]
    [InlineData(GgmlType.F16, 0.02, 1)]
    [InlineData(GgmlType.BF16, 0.1, 1)]
    [InlineData(GgmlType.Q8, 0.5, 0.95)]
    [InlineData(GgmlType.Q4, 4, 0.7)]
    public void Other_types_are_near_and_choose_mostly_the_same_token(GgmlType type, double tolerance, double agreement)
    {
        using Scratch scratch = new();
        var folder = GoldenFolder.Pebble;
        var ids = HfTokenizer.Load(folder).Encode("### Instruction:\nTranslate into Chinese: I like green tea and old books.\n\n"
            + "### Response:\n我喜欢绿茶和旧书。", addBos: true);
        using var ours = LlamaModel.Load(folder, CPU, ScalarType.Float32);
        var expected = Logits(ours, ids);

        using var theirs = LlamaCpp.Load(Export(folder, scratch.At("m.gguf"), type));
        var found = theirs.Logits(ids);
        var same = expected.Zip(found, (a, b) => Array.IndexOf(a, a.Max()) == Array.IndexOf(b, b.Max()) ? 1 : 0).Average();

        output.WriteLine($"{type}: logits differ by {Difference(expected, found):G3}, {same:P0} choose the same token");
        Assert.InRange(Difference(expected, found), 0, tolerance);
        Assert.InRange(same, agreement, 1);
    }

    [Fact]
    public void Rows_that_are_no_whole_blocks_stay_float16_and_that_is_said()
    {
        using Scratch scratch = new();
        var folder = GoldenFolder.At("own/models/llama2");
        using ModelGguf file = new(folder, "m", GgmlType.Q8, null, null);
        Assert.Contains("stay float16", Assert.Single(file.Remarks));
        file.Write(scratch.At("m.gguf"), () => { }, TestContext.Current.CancellationToken);
        using var theirs = LlamaCpp.Load(scratch.At("m.gguf"));
        Assert.All(theirs.Logits([1, 5, 9]), row => Assert.All(row, logit => Assert.True(float.IsFinite(logit))));
    }

    internal static string Export(string folder, string path, GgmlType type)
    {
        using ModelGguf file = new(folder, "m", type, null, null);
        file.Write(path, () => { }, TestContext.Current.CancellationToken);
        return path;
    }

    /// <summary>No longer than a window that llama.cpp doesn't have.</summary>
    private static int[] Ids(ModelConfig config)
    {
        var length = Math.Min(24, Architecture.Of(config).HasWindows ? 24 : config.SlidingWindow.Min() ?? 24);
        var random = new Random(5);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(3, config.VocabSize))];
    }

    internal static float[][] Logits(LlamaModel model, int[] ids)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var logits = model.Forward(tensor(ids, ScalarType.Int64).unsqueeze(0)).squeeze(0);
        return [.. Enumerable.Range(0, ids.Length).Select(i => logits[i].data<float>().ToArray())];
    }

    private static int[] Greedy(LlamaModel model, int[] prompt, int count)
    {
        List<int> ids = [.. prompt];
        for (var i = 0; i < Math.Min(count, Ids(model.Config).Length - prompt.Length); i++)
        {
            var last = Logits(model, [.. ids])[^1];
            ids.Add(Array.IndexOf(last, last.Max()));
        }
        return [.. ids.Skip(prompt.Length)];
    }

    internal static double Difference(float[][] ours, float[][] theirs) =>
        ours.Zip(theirs, (a, b) => a.Zip(b, (x, y) => (double)Math.Abs(x - y)).Max()).Max();
}
