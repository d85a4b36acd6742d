using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Weights;
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
        using var fused = Create(model);
        using var tensors = SafetensorsFile.Open(golden.Folder("tensors.safetensors"));
        var step = golden.Json.GetProperty("steps")[0];
        fused.BeginStep();
        double loss = 0;

        foreach (var rows in golden.TrainingRows(step))
        {
            using var packed = fused.Pack(rows);
            loss += fused.Backward(packed, seed: 0).item<float>();
        }
        fused.EndStep();
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
        if (model.Config.WhyAutograd is { } beyond)
        {
            model.AttachFresh(new LoraConfig(6, 16, 0, [LoraConfig.AllLinear], false), seed: 5);
            Assert.Null(FusedModel.Create(model, new(), out var why));
            Assert.Contains(beyond, why, StringComparison.Ordinal);
            return;
        }
        using var parameters = Adapted(model, rank: 6, dropout: 0);
        using var fused = Create(model, new FusedModel.Options(recompute, HeadRows: 7));
        var rows = Rows(model.Config.VocabSize, 5, 23, 40);
        using var autograd = new Objective(model, autograd: true);
        var expected = autograd.Backward(new MicroBatch(rows), seed: 0);
        var gradients = parameters.Gradients.clone();
        parameters.Gradients.zero_();

        fused.BeginStep();
        using var packed = fused.Pack(rows);
        var loss = fused.Backward(packed, seed: 3).item<float>();
        fused.EndStep();

        var difference = parameters.Gradients.sub(gradients).abs().max().item<float>();
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
        using var fused = Create(model);
        using var packed = fused.Pack(Rows(model.Config.VocabSize, 31, 40));
        float Loss()
        {
            fused.BeginStep();
            return fused.Backward(packed, seed: 11).item<float>();
        }
        Loss();
        fused.EndStep();
        var direction = parameters.Gradients.div(parameters.Gradients.norm());
        var expected = parameters.Gradients.norm().item<float>();

        const float Step = 0.02f;
        using var noGrad = no_grad();
        parameters.Values.add_(direction.mul(Step));
        var above = Loss();
        parameters.Values.add_(direction.mul(-2 * Step));
        var below = Loss();

        // A central difference is off by a third derivative times step², and float32 losses near 6 by 1e-6 / step.
        Assert.Equal(expected, (above - below) / (2 * Step), 0.01 * expected);
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
        using var fused = Create(model);
        List<TrainingRow> rows = [];
        foreach (var row in Rows(model.Config.VocabSize, 31, 40, 12))
        {
            rows.Add(row with { First = rows.Sum(before => before.InputIds.Length) });
        }
        (double Loss, Tensor Gradients) Step(params List<TrainingRow>[] batches)
        {
            parameters.Gradients.zero_();
            fused.BeginStep();
            double loss = 0;
            foreach (var batch in batches)
            {
                using var packed = fused.Pack(batch);
                loss += fused.Backward(packed, seed: 11).item<float>();
            }
            fused.EndStep();
            return (loss, parameters.Gradients.clone());
        }

        var (whole, expected) = Step(rows);
        var (parts, gradients) = Step([rows[2], rows[0]], [rows[1]]);
        var (other, _) = Step([.. rows.Select(row => row with { First = row.First + 1000 })]);

        Assert.Equal(whole, parts, LossTolerance);
        Assert.InRange(gradients.sub(expected).abs().max().item<float>(), 0, GradientTolerance);
        Assert.NotEqual(whole, other, LossTolerance);
    }

    internal static FusedModel Create(LlamaModel model, FusedModel.Options? options = null) =>
        FusedModel.Create(model, options ?? new(), out var why) ?? throw new InvalidOperationException(why);

    internal static ParameterSet Adapted(LlamaModel model, int rank, double dropout)
    {
        model.AttachFresh(new LoraConfig(rank, 16, dropout, [AdapterConfig.AllLinear], false), seed: 5);
        var parameters = ParameterSet.OfAdapters(model);
        using var noGrad = no_grad();
        manual_seed(9);
        parameters.Values.add_(randn_like(parameters.Values).mul_(0.05));
        return parameters;
    }

    private static List<TrainingRow> Rows(int vocabulary, params int[] lengths)
    {
        var random = new Random(1);
        var rows = lengths.Select(length => Enumerable.Range(0, length).Select(_ => random.Next(3, vocabulary)).ToArray()).ToList();
        var targets = rows.Sum(row => row.Length - Math.Max(1, row.Length / 3));
        return [.. rows.Select(row => new TrainingRow(row, [.. row.Select((id, i) => i < row.Length / 3 ? -100 : id)], 1.0 / targets))];
    }
}
