using LoraAspire.Model;
using LoraAspire.Model.Data;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>
/// Rows of rope_type dynamic on the hand-written backward, which has them all in one micro-batch, against autograd, which has each alone:
/// padded to a longer one a row would turn by that one's length.
/// </summary>
[Collection(TorchRandom.Name)]
public sealed class DynamicRopeTests(ITestOutputHelper output)
{
    /// <summary>Float32 rounding of sums over some 100 targets.</summary>
    private const double Tolerance = 1e-5;

    /// <summary>Made for 32 positions, reaches 64.</summary>
    private static readonly ModelConfig s_config = TinyModel.Config with
    {
        Rope = new RopeScaling("dynamic", 2, OriginalMaxPositionEmbeddings: 32),
    };

    /// <summary>Below the context, at it, and beyond it, two alike.</summary>
    private static List<TrainingRow> Rows => RandomRows.Of(s_config.VocabSize, 7, 64, 32, 45, 33, 45);

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void Each_row_turns_by_its_own_length_as_autograd_turns_it_alone(bool plain, bool recompute)
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(s_config, CPU, float32, seed: 4);
        using var parameters = FusedTests.Adapted(model, rank: 6, dropout: 0);
        using Objective autograd = new(model, autograd: true);
        var (expected, gradients) = OneByOne(autograd, parameters, Rows);
        using FusedModel fused = new(model, plain ? new PlainKernels() : new CpuKernels(), new(recompute, HeadRows: 7));

        var (loss, own) = FusedStep.Run(fused, parameters, seed: 3, Rows);
        var (parts, _) = FusedStep.Run(fused, parameters, seed: 3, [Rows[1], Rows[5]], [Rows[0], Rows[2], Rows[3], Rows[4]]);
        using var packed = fused.Pack(Rows);

        output.WriteLine($"differences: loss {loss - expected:G3}, gradients {own.sub(gradients).abs().max().item<float>():G3} of "
            + $"{gradients.abs().max().item<float>():G3}");
        Assert.Equal(expected, loss, Tolerance);
        Assert.Equal(expected, parts, Tolerance);
        Assert.Equal(expected, fused.Loss(packed).item<float>(), Tolerance);
        Assert.InRange(own.sub(gradients).abs().max().item<float>(), 0, Tolerance);
        Assert.True(gradients.abs().max().item<float>() > 1e-2);
    }

    [Fact]
    public void All_weights_have_the_gradients_that_autograd_gives_row_by_row()
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(s_config, CPU, float32, seed: 4);
        using var parameters = ParameterSet.OfModel(model);
        using Objective autograd = new(model, autograd: true), fused = new(model);
        var (expected, gradients) = OneByOne(autograd, parameters, Rows);
        parameters.Gradients.zero_();

        fused.BeginStep();
        var loss = fused.Backward(new MicroBatch(Rows), seed: 3).item<float>();
        fused.EndStep();

        Assert.StartsWith("hand-written", fused.Path, StringComparison.Ordinal);
        Assert.Equal(expected, loss, Tolerance);
        var difference = parameters.Gradients.sub(gradients).abs().max().item<float>();
        Assert.InRange(difference, 0, Tolerance * Math.Max(1, gradients.abs().max().item<float>()));
    }

    /// <summary>Were the tables one, the rows beyond the context would have another loss than they have alone.</summary>
    [Fact]
    public void What_rows_begin_with_alike_is_computed_once_within_the_context_alone()
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(s_config, CPU, float32, seed: 4);
        using var parameters = FusedTests.Adapted(model, rank: 6, dropout: 0);
        using Objective autograd = new(model, autograd: true), objective = new(model);
        int[] head = [.. Enumerable.Range(3, 14)];
        List<TrainingRow> rows = [];
        foreach (var length in new[] { 32, 40, 25, 40, 20 })
        {
            int[] ids = [.. head, .. Enumerable.Range(0, length - head.Length).Select(at => 3 + ((at * 7 + length) % 29))];
            rows.Add(new(ids, [.. ids.Select((id, at) => at <= head.Length ? InstructionDataset.NoLoss : id)], 0.01,
                rows.Sum(row => row.InputIds.Length)));
        }
        var (expected, gradients) = OneByOne(autograd, parameters, rows);

        var marked = objective.Marked(rows);
        using var fused = FusedStep.Create(model);
        var (loss, own) = FusedStep.Run(fused, parameters, seed: 3, marked);

        Assert.Equal([true, false, true, false, true], marked.Select(row => row.Shared.Length > 0));
        Assert.Equal(expected, loss, Tolerance);
        Assert.InRange(own.sub(gradients).abs().max().item<float>(), 0, Tolerance);
        Assert.Throws<ArgumentException>(() => fused.Pack([.. rows.Select(row => row with { Shared = marked[0].Shared })]));
    }

    [Fact]
    public void A_row_that_the_scaling_does_not_reach_is_refused()
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(s_config, CPU, float32, seed: 4);
        using var parameters = FusedTests.Adapted(model, rank: 6, dropout: 0);
        using var fused = FusedStep.Create(model);

        var error = Assert.Throws<ModelException>(() => FusedStep.Run(fused, parameters, 3, RandomRows.Of(s_config.VocabSize, 65)));

        Assert.Equal("65 tokens do not fit into the context of 64.", error.Message);
    }

    /// <summary>Sums over the rows, each in a micro-batch of its own.</summary>
    private static (double Loss, Tensor Gradients) OneByOne(Objective autograd, ParameterSet parameters, IReadOnlyList<TrainingRow> rows)
    {
        parameters.Gradients.zero_();
        var loss = rows.Sum(row => (double)autograd.Backward(new MicroBatch([row]), seed: 3).item<float>());
        return (loss, parameters.Gradients.clone());
    }
}
