using LoraAspire.Model;
using LoraAspire.Model.Export.Gguf;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Goldens;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.ExportTests;

/// <summary>Tiny models of every family: llama.cpp's logits are LlamaModel's.</summary>
[Collection("llama.cpp")]
public sealed class FamilyTests(ITestOutputHelper output)
{
    /// <summary>llama.cpp looks GELU up in a table of float16.</summary>
    private const double Tolerance = 1e-3;

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
        Assert.InRange(difference, 0, Tolerance);
        Assert.Equal(Greedy(ours, ids[..4], 12), theirs.Greedy(ids[..4], Math.Min(12, ids.Length - 4)));
    }

    [Theory]
    [InlineData(GgmlType.F16, 0.02)]
    [InlineData(GgmlType.BF16, 0.1)]
    [InlineData(GgmlType.Q8, 0.1)]
    [InlineData(GgmlType.Q4, 2)]
    public void Other_types_are_near(GgmlType type, double tolerance)
    {
        using Scratch scratch = new();
        var folder = GoldenFolder.Pebble;
        int[] ids = [1, .. Enumerable.Range(0, 40).Select(i => 300 + (i * 37 % 2000))];
        using var ours = LlamaModel.Load(folder, CPU, ScalarType.Float32);

        using var theirs = LlamaCpp.Load(Export(folder, scratch.At("m.gguf"), type));
        var difference = Difference(Logits(ours, ids), theirs.Logits(ids));

        output.WriteLine($"{type}: logits differ by {difference:G3}");
        Assert.InRange(difference, 0, tolerance);
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
