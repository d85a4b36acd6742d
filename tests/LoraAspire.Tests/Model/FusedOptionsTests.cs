using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>DoRA's lengths and modules that are trained whole on the hand-written backward, against autograd.</summary>
[Trait("Category", "Goldens"), Collection(TorchRandom.Name)]
public sealed class FusedOptionsTests(ITestOutputHelper output)
{
    /// <summary>Float32 rounding of sums, as for adapters alone; relative, since whole modules and lengths have larger gradients.</summary>
    private const double Tolerance = 1e-5;

    public static TheoryData<string, string, bool> Cases =>
        [.. from name in GoldenFolder.Names("models", holding: "golden.json")
            from option in new[] { "dora", "modules_to_save", "all" }
            from recompute in new[] { false, true }
            select (name, option, recompute)];

    [Theory, MemberData(nameof(Cases))]
    public void Each_has_the_gradients_that_autograd_gives(string name, string option, bool recompute)
    {
        using var scope = NewDisposeScope();
        using var model = Golden.Load(GoldenFolder.At(name));
        var isTied = model.Config.TieWordEmbeddings;
        LoraConfig config = new(6, 16, 0, [AdapterConfig.AllLinear])
        {
            UseDora = option != "modules_to_save",
            ModulesToSave = option == "dora" || isTied ? [] : ["embed_tokens", "lm_head"],
        };
        if (isTied && option == "modules_to_save")
        {
            Assert.Throws<ModelException>(() => model.AttachFresh(config with { ModulesToSave = ["lm_head"] }, seed: 5));
            return;
        }
        model.NeftuneNoiseAlpha = option == "all" ? 3 : 0;
        using var parameters = MovedAdapters.On(model, config);
        var rows = RandomRows.Of(model.Config.VocabSize, 5, 23, 40);
        using Objective autograd = new(model, autograd: true), fused = new(model, lowMemory: recompute);
        Assert.StartsWith("hand-written", fused.Path, StringComparison.Ordinal);

        var both = BothWays.Of(fused, autograd, parameters, rows);

        Assert.All(both.Gradients, one => Assert.True(one.Largest > 1e-7 || one.Name.Contains("k_proj"), one.Name));
        both.AssertAlike(Tolerance);
        output.WriteLine($"{name}, {option}: {both.Gradients.Max(one => one.Difference):G3}");
        if (option != "all")
        {
            Assert.Equal(both.Loss, fused.Loss(new MicroBatch(rows)), Tolerance * Math.Max(1, both.Expected));
        }
    }

    /// <summary>Autograd over PEFT's formula, with the elements that our dropout keeps.</summary>
    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void DoRA_with_dropout_has_the_gradients_of_its_formula(bool onAll, bool bias)
    {
        using var scope = NewDisposeScope();
        const int Inputs = 24, Rank = 4, Tokens = 37;
        manual_seed(4);
        LoraConfig config = new(Rank, 8, 0.3, ["x"]) { UseDora = true };
        List<Linear> linears = [];
        foreach (var (index, outputs) in new[] { 16, 32, 8 }.Index())
        {
            Linear linear = new($"x{index}", randn(outputs, Inputs), bias ? randn(outputs) : null);
            if (onAll || index != 1)
            {
                Tensor[] tensors = [randn(Rank, Inputs), randn(outputs, Rank).mul_(0.3), rand(outputs).add_(2)];
                foreach (var one in tensors)
                {
                    one.requires_grad = true;
                    one.grad = zeros_like(one);
                }
                linear.Attach(LayerAdapter.Of(config, linear.Name, tensors));
            }
            linears.Add(linear);
        }
        Tensor x = randn(Tokens, Inputs), gradient = randn(Tokens, 56);
        CpuKernels kernels = new();
        using UnpackedWeights memory = new();
        TokenDraw draw = new(5, arange(100, 100 + Tokens, int32));

        x.requires_grad = true;
        var expected = cat([.. linears.Select((linear, index) => Formula(linear, index, x, kernels, draw))], 1);
        expected.backward([gradient]);
        var (inputs, adapters) = (x.grad!.clone(), Gradients(linears));
        Clear(linears);
        using FusedLinear fused = new(kernels, float32, memory, 0, null, linears);
        using var noGrad = no_grad();
        kernels.Copy(fused.BeginStep());
        Operand operand = new(x.detach(), null);
        var projection = fused.Forward(operand, draw);
        var back = fused.Backward(new(gradient, null), x.detach(), projection.Low, draw);
        kernels.Copy([.. fused.EndStep()]);

        Assert.InRange(projection.Y.sub(expected).abs().max().item<float>(), 0, 1e-4);
        Assert.InRange(back.sub(inputs).abs().max().item<float>(), 0, 1e-4);
        Assert.All(Gradients(linears).Zip(adapters), pair =>
            Assert.InRange(pair.First.sub(pair.Second).abs().max().item<float>(), 0, 1e-5 * pair.Second.abs().max().item<float>()));

        // The first layer's, of which nobody asks what goes on.
        Clear(linears);
        kernels.Copy(fused.BeginStep());
        fused.BackwardAdapters(gradient, x.detach(), fused.Forward(operand, draw).Low, draw);
        kernels.Copy([.. fused.EndStep()]);
        Assert.All(Gradients(linears).Zip(adapters), pair =>
            Assert.InRange(pair.First.sub(pair.Second).abs().max().item<float>(), 0, 1e-5 * pair.Second.abs().max().item<float>()));
    }

    private static Tensor Formula(Linear linear, int module, Tensor x, Kernels kernels, TokenDraw draw)
    {
        var y = x.mm(linear.Weight.t());
        if (linear.Adapter is { } own)
        {
            var dropout = Dropout.Of(draw, module, own.Dropout);
            Tensor mask;
            using (no_grad())
            {
                mask = kernels.Dropped(ones_like(x), dropout).mul(dropout.InverseKeep);
            }
            Tensor dropped = x.mul(mask), change = own[Lora.B].mm(own[Lora.A]).mul(own.Scale);
            var scale = own[Dora.Magnitude].div(linear.Weight.add(change).norm(1).detach());
            y = y.add(dropped.mm(linear.Weight.t()).mul(scale.sub(1))).add(dropped.mm(change.t()).mul(scale));
        }
        return linear.Bias is { } bias ? y.add(bias) : y;
    }

    private static List<Tensor> Gradients(IEnumerable<Linear> linears) =>
        [.. linears.SelectMany(linear => linear.Adapter?.Tensors ?? []).Select(tensor => tensor.grad!.clone())];

    private static void Clear(IEnumerable<Linear> linears)
    {
        foreach (var tensor in linears.SelectMany(linear => linear.Adapter?.Tensors ?? []))
        {
            tensor.grad!.zero_();
        }
    }
}
