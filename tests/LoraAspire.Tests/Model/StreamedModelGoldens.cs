using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>The pass of one layer at a time says what the whole model says, for every family.</summary>
[Trait("Category", "Goldens")]
public sealed class StreamedModelGoldens
{
    public static TheoryData<string> Cases => GoldenFolder.Cases("models", holding: "golden.json");

    [Theory, MemberData(nameof(Cases))]
    public void Layer_by_layer_the_logits_are_those_of_the_whole_model(string name)
    {
        LibTorch.Load();
        using var golden = Golden.Open(name);
        using var model = golden.Model();
        int[][] prompts = [[1, 5, 9, 2, 7], [3], [.. Enumerable.Range(0, 20).Select(i => 3 + (i * 7 % 23))]];

        var streamed = StreamedModel.LastLogits(GoldenFolder.At(name), prompts, adapter: null,
            cancellationToken: TestContext.Current.CancellationToken);

        Assert.All(prompts.Zip(streamed), pair =>
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var whole = model.Forward(tensor([.. pair.First.Select(id => (long)id)], int64).unsqueeze(0), lastOnly: true)
                .reshape(-1).data<float>().ToArray();
            // The same operators in the same order; rows of the head are cut at other places, which moves the last bits.
            Assert.All(whole.Zip(pair.Second), logits => Assert.Equal(logits.First, logits.Second, 1e-4f * (1 + Math.Abs(logits.First))));
        });
    }
}
