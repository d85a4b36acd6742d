using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Weights;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Trainer;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>The hand-written forward and backward against golden gradients and against our own autograd path.</summary>
[Trait("Category", "Goldens"), Collection(TorchRandom.Name)]
public sealed class FusedTests(ITestOutputHelper output)
{
    /// <summary>Float32 rounding of sums over some 40 targets, as for the autograd path.</summary>
    private const double GradientTolerance = 1e-5;
    private const double LossTolerance = 1e-5;

    public static TheoryData<string> LoraCases => GoldenFolder.Cases("lora", holding: "case.json");

    public static TheoryData<string, bool> Models =>
        [.. from name in GoldenFolder.Names("models", holding: "golden.json") from recompute in new[] { false, true } select (name,
            recompute)];

    [Theory, MemberData(nameof(LoraCases))]
    public void The_gradients_of_the_first_step_equal_the_goldens(string name)
    {
        using var scope = NewDisposeScope();
        var golden = LoraCase.Open(name);
        using var model = golden.Base();
        using var adapter = Adapter.Load(golden.Folder("init_adapter"));
        model.Attach(adapter);
        using var parameters = ParameterSet.OfAdapters(model);
        using var fused = FusedStep.Create(model);
        using var tensors = SafetensorsFile.Open(golden.Folder("tensors.safetensors"));
        var step = golden.Json.GetProperty("steps")[0];

        var (loss, _) = FusedStep.Run(fused, parameters, seed: 0, [.. golden.TrainingRows(step)]);
        var difference =
            parameters.Views().Max(view => (double)view.Gradient.sub(tensors.Read("grad." + view.Name)).abs().max().item<float>());

        output.WriteLine(
            $"{name}: gradients differ by {difference:G3}, the loss by {Math.Abs(loss - step.GetProperty("loss").GetDouble()):G3}");
        Assert.InRange(difference, 0, GradientTolerance);
        Assert.Equal(step.GetProperty("loss").GetDouble(), loss, LossTolerance);
    }

    [Theory, MemberData(nameof(Models))]
    public void Adapters_on_every_layer_have_the_gradients_that_autograd_gives(string name, bool recompute)
    {
        using var scope = NewDisposeScope();
        using var model = Golden.Load(GoldenFolder.At(name));
        using var parameters = Adapted(model, rank: 6, dropout: 0);
        using var fused = FusedStep.Create(model, new FusedModel.Options(recompute, HeadRows: 7));
        var rows = RandomRows.Of(model.Config.VocabSize, 5, 23, 40);
        using var autograd = new Objective(model, autograd: true);
        var expected = autograd.Backward(new MicroBatch(rows), seed: 0);
        var gradients = parameters.Gradients.clone();

        var (loss, own) = FusedStep.Run(fused, parameters, seed: 3, rows);
        using var packed = fused.Pack(rows);

        var difference = own.sub(gradients).abs().max().item<float>();
        output.WriteLine($"{name}: largest gradient {gradients.abs().max().item<float>():G3}, largest difference {difference:G3}");
        Assert.Equal(expected.item<float>(), loss, LossTolerance);
        Assert.Equal(loss, fused.Loss(packed).item<float>(), LossTolerance);
        Assert.InRange(difference, 0, GradientTolerance);
    }

    [Fact]
    public void With_dropout_the_gradient_is_the_slope_of_the_loss()
    {
        using var scope = NewDisposeScope();
        using var model = Golden.Load(GoldenFolder.At("own/models/qwen2"));
        using var parameters = Adapted(model, rank: 8, dropout: 0.3);
        using var fused = FusedStep.Create(model);

        FusedStep.AssertGradientIsSlope(fused, parameters, RandomRows.Of(model.Config.VocabSize, 31, 40));
    }

    /// <summary>As on two devices, or with half the memory: the rows of a step in one micro-batch, or in two in another order.</summary>
    [Theory]
    [InlineData(8)]
    [InlineData(40)]
    public void A_row_draws_the_same_dropout_whichever_rows_share_its_micro_batch(int rank)
    {
        using var scope = NewDisposeScope();
        using var model = Golden.Load(GoldenFolder.At("own/models/qwen2"));
        using var parameters = Adapted(model, rank, dropout: 0.3);
        using var fused = FusedStep.Create(model);
        var rows = RandomRows.Of(model.Config.VocabSize, 31, 40, 12);

        var (whole, expected) = FusedStep.Run(fused, parameters, seed: 11, rows);
        var (parts, gradients) = FusedStep.Run(fused, parameters, seed: 11, [rows[2], rows[0]], [rows[1]]);
        var (other, _) = FusedStep.Run(fused, parameters, seed: 11,
            [.. rows.Select(row => row with { First = row.First + 1000 })]);

        Assert.Equal(whole, parts, LossTolerance);
        Assert.InRange(gradients.sub(expected).abs().max().item<float>(), 0, GradientTolerance);
        Assert.NotEqual(whole, other, LossTolerance);
    }

    internal static ParameterSet Adapted(LlamaModel model, int rank, double dropout) =>
        MovedAdapters.On(model, new LoraConfig(rank, 16, dropout, [AdapterConfig.AllLinear], false));
}
