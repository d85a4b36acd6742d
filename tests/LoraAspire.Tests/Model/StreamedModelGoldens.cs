using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>The pass of one layer at a time says what the whole model says, for every family.</summary>
[Trait("Category", "Goldens")]
public sealed class StreamedModelGoldens
{
    /// <summary>Beside the base that PiSSA takes a part of, and long prompts of several batches.</summary>
    [Fact]
    public void Several_adapters_say_side_by_side_what_each_says_alone()
    {
        LibTorch.Load();
        using var scope = NewDisposeScope();
        var config = new LoraConfig(2, 4, 0, ["q_proj"]) { LayersToTransform = [0] };
        Adapter Of(LoraConfig own) => new(own, new Dictionary<string, LayerAdapter>
        {
            ["model.layers.0.self_attn.q_proj"] = LayerAdapter.Of(own, "q", [randn(2, 256) * 0.3, randn(256, 2) * 0.3]),
        });
        using Adapter plain = Of(config), taking = Of(config with { InitLoraWeights = Initialization.Pissa });
        int[][] prompts = [.. new[] { 450, 1, 500, 499, 480, 470, 2 }.Select(length =>
            Enumerable.Range(0, length).Select(at => 3 + (at * length % 200)).ToArray())];
        float[][] Alone(Adapter? adapter) =>
            StreamedModel.LastLogits(GoldenFolder.Pebble, prompts, [adapter], cancellationToken: TestContext.Current.CancellationToken)[0];

        var together = StreamedModel.LastLogits(GoldenFolder.Pebble, prompts, [null, taking, plain],
            cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(Alone(null), together[0]);
        Assert.Equal(Alone(taking), together[1]);
        Assert.Equal(Alone(plain), together[2]);
        Assert.NotEqual(together[0], together[1]);
        Assert.NotEqual(together[0], together[2]);
    }

    [Fact]
    public void Weights_that_one_adapter_brings_are_not_the_next_ones()
    {
        LibTorch.Load();
        using var scope = NewDisposeScope();
        using Adapter bringing = new(new LoraConfig(2, 4, 0, ["q_proj"]), new Dictionary<string, LayerAdapter>())
        {
            Saved = new Dictionary<string, Tensor> { ["model.layers.0.self_attn.o_proj"] = randn(256, 256) },
        };
        int[][] prompts = [[1, 5, 9, 2, 7]];
        float[][] Alone(Adapter? adapter) =>
            StreamedModel.LastLogits(GoldenFolder.Pebble, prompts, [adapter], cancellationToken: TestContext.Current.CancellationToken)[0];

        var together = StreamedModel.LastLogits(GoldenFolder.Pebble, prompts, [bringing, null],
            cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(Alone(bringing), together[0]);
        Assert.Equal(Alone(null), together[1]);
        Assert.NotEqual(together[0], together[1]);
    }

    /// <summary>Some writers keep a head beside a tied embedding; transformers doesn't read it.</summary>
    [Fact]
    public void A_tied_head_is_the_embedding_whatever_else_the_files_hold()
    {
        LibTorch.Load();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var folder = Directory.CreateTempSubdirectory("lora-tied-").FullName;
        try
        {
            using (var made = LlamaModel.Initialize(TinyModel.Config with { TieWordEmbeddings = true }, CPU, float32, seed: 3))
            {
                TinyModel.Save(made, folder);
                SafetensorsWriter.Write(Path.Combine(folder, WeightFiles.Single), [.. made.Weights().Select(weight =>
                    TensorSource.Of(weight.Name, weight.Tensor)),
                    TensorSource.Of("lm_head.weight", randn_like(made.WeightOf("model.embed_tokens")))]);
            }
            using var model = LlamaModel.Load(folder, CPU, float32);
            int[] prompt = [1, 5, 9, 2, 7];
            var streamed = StreamedModel.LastLogits(folder, [prompt], [null],
                cancellationToken: TestContext.Current.CancellationToken)[0][0];
            var whole = model.Forward(tensor([.. prompt.Select(id => (long)id)], int64).unsqueeze(0), lastOnly: true)
                .reshape(-1).data<float>().ToArray();
            Assert.All(whole.Zip(streamed), logits => Assert.Equal(logits.First, logits.Second, 1e-4f * (1 + Math.Abs(logits.First))));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public static TheoryData<string> Cases => GoldenFolder.Cases("models", holding: "golden.json");

    [Theory, MemberData(nameof(Cases))]
    public void Layer_by_layer_the_logits_are_those_of_the_whole_model(string name)
    {
        LibTorch.Load();
        using var golden = Golden.Open(name);
        using var model = golden.Model();
        int[][] prompts = [[1, 5, 9, 2, 7], [3], [.. Enumerable.Range(0, 20).Select(i => 3 + (i * 7 % 23))]];

        var streamed = StreamedModel.LastLogits(GoldenFolder.At(name), prompts, [null],
            cancellationToken: TestContext.Current.CancellationToken)[0];

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
