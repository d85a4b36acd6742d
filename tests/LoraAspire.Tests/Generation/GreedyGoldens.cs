using System.Text.Json;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using LoraAspire.Tests.Goldens;
using TorchSharp;

namespace LoraAspire.Tests.Generation;

/// <summary>Greedy decoding with the key/value cache equals that of transformers, for every golden model with readable weights.</summary>
[Trait("Category", "Goldens")]
public sealed class GreedyGoldens
{
    public static TheoryData<string> Cases => [.. GoldenFolder.Cases("models").Where(WeightFiles.Exist).Where(HasGeneration).Select(path => Path.GetFileName(path)!)];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Greedy_ids_equal_the_golden(string name)
    {
        LibTorch.Load();
        var folder = Path.Combine(GoldenFolder.Root, "models", name);
        using var golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json")));
        using var model = LlamaModel.Load(folder, torch.CPU, torch.float32);
        foreach (var generation in golden.RootElement.GetProperty("generation").EnumerateArray())
        {
            int[] prompt = Ids(generation.GetProperty("prompt")), sequence = Ids(generation.GetProperty("sequence"));

            var ids = TextGenerator.Tokens(model, prompt, GenerationOptions.Greedy(sequence.Length - prompt.Length), TestContext.Current.CancellationToken);

            Assert.Equal(sequence, prompt.Concat(ids).ToArray());
        }
    }

    private static bool HasGeneration(string folder)
    {
        using var golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json")));
        return golden.RootElement.TryGetProperty("generation", out _);
    }

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
