using System.Text.Json;
using LoraAspire.Model.Native;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Model;

namespace LoraAspire.Tests.Generation;

/// <summary>Greedy decoding with the key/value cache gives the ids of the goldens.</summary>
[Trait("Category", "Goldens")]
public sealed class GreedyGoldens
{
    public static TheoryData<string> Cases => GoldenFolder.Cases("models", holding: "golden.json");

    [Theory, MemberData(nameof(Cases))]
    public void Greedy_ids_equal_the_golden(string name)
    {
        LibTorch.Load();
        using var golden = Golden.Open(name);
        using var model = golden.Model();
        Assert.SkipUnless(golden.Json.TryGetProperty("generation", out var generations), $"{name} has no generated text.");
        Assert.NotEqual(0, generations.GetArrayLength());
        Assert.All(generations.EnumerateArray(), generation =>
        {
            int[] prompt = Ids(generation.GetProperty("prompt")), sequence = Ids(generation.GetProperty("sequence"));

            var ids = GreedyOracle.Tokens(model, prompt, sequence.Length - prompt.Length);

            Assert.Equal(sequence, prompt.Concat(ids).ToArray());
        });
    }

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
