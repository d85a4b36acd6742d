using System.Text.Json;
using LoraAspire.Model.Generation.Cpu;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Model;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Generation.Cpu;

/// <summary>The hand-written pass against what transformers computed, and against the families' formulas in float64.</summary>
[Trait("Category", "Goldens")]
public sealed class CpuGoldens(ITestOutputHelper output)
{
    /// <summary>As the network's own (ModelGoldens): four times what two correct float32 implementations differ by.</summary>
    private const double Tolerance = 2e-5;

    /// <summary>Each model with each width of vectors.</summary>
    public static TheoryData<string, int> Models
    {
        get
        {
            TheoryData<string, int> all = [];
            foreach (var name in GoldenFolder.Names("models", "*", holding: "golden.json"))
            {
                foreach (var bits in new[] { 128, 256, 512 })
                {
                    all.Add(name, bits);
                }
            }
            return all;
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Logits_of_every_position_equal_the_goldens(string name, int bits)
    {
        using var scope = NewDisposeScope();
        using var golden = Golden.Open(name);
        using var executor = Load(name, bits);
        Tensor ids = golden.Tensor("input_ids"), mask = golden.Tensor("attention_mask"), logits = golden.Tensor("logits").to(float32);
        var worst = 0.0;
        for (var row = 0; row < ids.size(0); row++)
        {
            var length = mask[row].sum().item<long>();
            int[] tokens = [.. ids[row].narrow(0, 0, length).data<long>().Select(id => (int)id)];
            var actual = Steps.EveryLogits(executor, tokens);
            worst = Math.Max(worst, actual.Index()
                .Max(at => Steps.Difference(at.Item, logits[row][at.Index].contiguous().data<float>().ToArray())));
        }
        output.WriteLine($"{name}, {bits} bits: logits differ by {worst:G3}");
        Assert.InRange(worst, 0, Tolerance);
    }

    [Theory, MemberData(nameof(Models))]
    public void Greedy_ids_equal_the_golden_alone_and_together(string name, int bits)
    {
        using var golden = Golden.Open(name);
        Assert.SkipUnless(golden.Json.TryGetProperty("generation", out var generations), $"{name} has no generated text.");
        using var executor = Load(name, bits);
        var texts = generations.EnumerateArray().Select(one => (Prompt: Ids(one, "prompt"), Whole: Ids(one, "sequence"))).ToArray();
        Assert.NotEmpty(texts);
        var tokens = texts.Max(text => text.Whole.Length - text.Prompt.Length);

        var together = Steps.Greedy(executor, [.. texts.Select(text => text.Prompt)], tokens);

        foreach (var (text, answer) in texts.Zip(together))
        {
            var expected = text.Whole[text.Prompt.Length..];
            Assert.Equal(expected, answer[..expected.Length]);
            Assert.Equal(expected, Steps.Greedy(executor, [text.Prompt], tokens)[0][..expected.Length]);
        }
    }

    [Fact]
    public void Stories260K_tells_the_published_story()
    {
        var folder = GoldenFolder.Require(GoldenFolder.SharedData, "models/stories260K");
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "example_greedy.json")));
        int[] prompt = Ids(document.RootElement, "prompt_ids"), expected = Ids(document.RootElement, "new_ids");
        using var executor = CpuExecutor.Load(folder, new CpuOptions { Threads = 2, CacheBytes = 8 << 20 });

        Assert.Equal(expected, Steps.Greedy(executor, [prompt], expected.Length)[0]);
    }

    private static CpuExecutor Load(string name, int bits) =>
        CpuExecutor.Load(GoldenFolder.At(name), new CpuOptions { Threads = 2, CacheBytes = 4 << 20, VectorBits = bits });

    private static int[] Ids(JsonElement parent, string name) => [.. parent.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];
}
