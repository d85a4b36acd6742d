using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Model;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Trainer;

/// <summary>Training in float16: its gradients, and what becomes of those that its range doesn't hold.</summary>
[Collection(Goldens.TorchRandom.Name)]
public sealed class LossScaleTests(ITestOutputHelper output)
{
    private static readonly LoraConfig s_lora = new(4, 8, 0, [AdapterConfig.AllLinear]);

    private static readonly ModelConfig s_config = TinyModel.Config with { InitializerRange = 0.1, QkvBias = true };

    [Theory]
    [InlineData("LoRA")]
    [InlineData("LoRA on Gemma 2")]
    [InlineData("DoRA and modules_to_save, layers recomputed")]
    [InlineData("all weights")]
    public void Gradients_in_float16_are_near_to_those_in_float32(string what)
    {
        using var scope = NewDisposeScope();
        var config = what.EndsWith("Gemma 2", StringComparison.Ordinal) ? TinyModel.Gemma2 : s_config;
        using var narrow = LlamaModel.Initialize(config, CPU, what == "all weights" ? float32 : float16, seed: 4);
        using var wide = Widened(narrow);
        using ParameterSet own = Parameters(narrow, what), reference = Parameters(wide, what);
        using Objective objective = new(narrow, lowMemory: what != "LoRA", wholeType: float16), exact = new(wide, wholeType: float32);
        MicroBatch batch = new(RandomRows.Of(32, 9, 17, 31));

        var (loss, gradients) = Backward(objective, own, batch);
        var (expected, others) = Backward(exact, reference, batch);

        var difference = gradients.div(LossScale.First).sub(others).norm().item<float>() / others.norm().item<float>();
        output.WriteLine($"{what}: loss {loss:F5}, in float32 {expected:F5}; gradients differ by {difference:E1} of their norm");
        Assert.Contains("by libtorch's operators instead of kernels (these compute in float32 only)", objective.Path,
            StringComparison.Ordinal);
        Assert.Equal(float16, objective.Dtype);
        Assert.Equal(expected, loss, 0.003 * expected);
        Assert.Equal(expected, objective.Loss(batch), 0.003 * expected);
        Assert.InRange(difference, 1e-5, 0.01); // 2⁻¹¹ of each product, over two layers
    }

    /// <summary>As of a step of many tokens: float16's smallest number is 6e-8.</summary>
    [Fact]
    public void What_would_be_nothing_in_float16_is_there_by_the_scale()
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(s_config, CPU, float16, seed: 4);
        using var parameters = Parameters(model, "LoRA");
        using Objective objective = new(model);
        var rows = RandomRows.Of(32, 31).Select(row => row with { Weight = 1e-8 }).ToList();

        var (_, scaled) = Backward(objective, parameters, new MicroBatch(rows));
        objective.Scale!.Value.fill_(1);
        var (_, plain) = Backward(objective, parameters, new MicroBatch(rows));
        var (_, expected) = Backward(objective, parameters, new MicroBatch(RandomRows.Of(32, 31)));

        var first = expected.norm().item<float>() * 1e-8 * (31 - 10); // RandomRows' weights are one over its targets
        output.WriteLine($"norm {scaled.norm().item<float>() / 65536:E3}, without a scale {plain.norm().item<float>():E3}, of {first:E3}");
        Assert.Equal(first, scaled.norm().item<float>() / 65536, 0.02 * first);
        Assert.True(plain.norm().item<float>() < 0.5 * first);
    }

    [Fact]
    public void A_step_whose_gradient_is_too_large_changes_nothing_and_halves_the_scale()
    {
        using var scope = NewDisposeScope();
        using LlamaModel model = LlamaModel.Initialize(s_config, CPU, float16, seed: 4), same = LlamaModel.Initialize(s_config, CPU,
            float16, seed: 4);
        using ParameterSet parameters = Parameters(model, "LoRA"), undisturbed = Parameters(same, "LoRA");
        using Objective objective = new(model), other = new(same);
        using AdamW optimiser = Optimiser(parameters), plain = Optimiser(undisturbed);
        OptimiserStep step = new(objective, parameters, optimiser, maxGradNorm: 1), expected = new(other, undisturbed, plain, 1);
        var rows = RandomRows.Of(32, 9, 17, 31);
        StepResult Run(OptimiserStep one, double weight) => one.Run(OneDevice.Batches([new MicroBatch(
            [.. rows.Select(row => row with { Weight = row.Weight * weight })])]), 1e-2, 3);
        var before = parameters.Values.clone();

        using var lost = Run(step, 1e5);
        Assert.Equal((true, 65536, 0f), (lost.ReadLeftOut(), lost.ReadLossScale(), optimiser.Mean.abs().sum().item<float>()));
        Assert.Equal(0, parameters.Values.sub(before).abs().max().item<float>());
        Assert.True(double.IsFinite(lost.ReadMicroLosses().Single()));
        Assert.Equal([32768f, 0f, 1f], objective.Scale!.State.data<float>().ToArray());

        using var good = Run(step, 1);
        other.Scale!.Value.fill_(32768);
        using var first = Run(expected, 1);

        // Adam's corrections count the steps that are in its moments.
        Assert.False(good.ReadLeftOut());
        Assert.Equal(0, parameters.Values.sub(undisturbed.Values).abs().max().item<float>());
        Assert.True(parameters.Values.sub(before).abs().max().item<float>() > 5e-3);
        Assert.Equal(first.ReadGradNorm(), good.ReadGradNorm());
        Assert.Equal((2, 1), (optimiser.Steps, plain.Steps));
        Assert.Equal([32768f, 1f, 1f], objective.Scale.State.data<float>().ToArray());
    }

    [Fact]
    public void After_many_good_steps_the_scale_is_doubled_and_never_beyond_float32()
    {
        using var scope = NewDisposeScope();
        using LossScale scale = new(CPU, growthInterval: 3);
        float[] After(params float[] overflows)
        {
            foreach (var overflow in overflows)
            {
                scale.Update(tensor(overflow));
            }
            return scale.State.data<float>().ToArray();
        }

        Assert.Equal([65536, 2, 0], After(0, 0));
        Assert.Equal([131072, 0, 0], After(0));
        Assert.Equal([65536, 0, 1], After(0, 0, 1));
        Assert.Equal([131072, 1, 1], After(0, 0, 0, 0));
        scale.Value.fill_(MathF.Pow(2, 127));
        Assert.Equal([MathF.Pow(2, 127), 0, 1], After(0, 0));
    }

    [Fact]
    public void A_checkpoint_has_the_scale_and_a_step_that_changed_nothing_is_told()
    {
        using var scope = NewDisposeScope();
        var folder = Directory.CreateTempSubdirectory("lora-scale-").FullName;
        using var model = LlamaModel.Initialize(s_config, CPU, float16, seed: 4);
        using var parameters = Parameters(model, "LoRA");
        using var optimiser = Optimiser(parameters);
        using LossScale scale = new(CPU), later = new(CPU);
        scale.State.copy_(tensor(new float[] { 4096, 17, 4 }));
        List<StageProgress> told = [];
        using (MetricsLog metrics = new(folder, 0))
        {
            Ledger ledger = new(metrics, 1, 10, 10, new ProgressSink(told.Add));
            var state = ledger.Enter(TrainingState.Start, new(1, 2.5, 1e-3, null, 100) { LossScale = 8192 }, null);
            ledger.Enter(state, new(2, 2.4, 1e-3, 0.7, 100) { LossScale = 4096 }, null);
            using Checkpoints checkpoints = new(folder, 3, _ => true, parameters, optimiser, scale);
            checkpoints.Save(state, checkpoint: true, best: false, metrics);
            checkpoints.Join();
        }

        using Checkpoints others = new(folder, 3, _ => true, parameters, optimiser, later);
        Assert.Equal(1, others.Resume(_ => { }).Step);
        Assert.Equal([4096f, 17f, 4f], later.State.data<float>().ToArray());
        Assert.Equal("Step 1 changes nothing: times 8192 its gradient is beyond float16's range. From here on it is multiplied by 4096.",
            Assert.Single(told, one => one.Message is not null).Message);
        var lines = MetricsLog.Read(Path.Combine(folder, MetricsLog.FileName));
        Assert.Equal([(null, 8192), (0.7, 4096)], lines.Select(line => (line.GradNorm, line.LossScale)));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void A_run_in_float16_that_was_stopped_goes_on_to_the_bytes_of_an_undisturbed_one()
    {
        using TrainerStageRun stage = new();
        var with = TrainerStageRun.Settings with { ComputeType = ComputeType.Float16, NumEpochs = 2 };
        var expected = stage.Run(with, "whole");
        Assert.Throws<OperationCanceledException>(() => stage.Run(with, "stopped", stopAfter: 4));

        Assert.Equal(expected, stage.Run(with, "stopped"));
        Assert.Contains(stage.Reports, report => report.Message?.Contains("arithmetic in Float16, hand-written backward",
            StringComparison.Ordinal) is true);
        var lines = MetricsLog.Read(Path.Combine(stage.Adapter("whole"), MetricsLog.FileName));
        Assert.Equal(65536, lines[0].LossScale);
        stage.Run(with with { ComputeType = ComputeType.Float32 }, "float32");
        var wide = MetricsLog.Read(Path.Combine(stage.Adapter("float32"), MetricsLog.FileName));
        foreach (var (own, other) in lines.Zip(wide))
        {
            output.WriteLine($"{own.Step}: loss {own.Loss:F4}, {other.Loss:F4}; norm {own.GradNorm:F4}, {other.GradNorm:F4}; "
                + $"{own.LossScale}");
        }
        // Until the first step that is left out both are the same training.
        var alike = lines.TakeWhile(line => line.GradNorm is not null).Zip(wide).ToList();
        Assert.NotEmpty(alike);
        Assert.All(alike, pair => Assert.Equal(pair.Second.Loss, pair.First.Loss, 0.002 * pair.Second.Loss));
        Assert.All(alike, pair => Assert.Equal(pair.Second.GradNorm!.Value, pair.First.GradNorm!.Value, 0.01 * pair.Second.GradNorm.Value));
        Assert.All(lines.Zip(lines.Skip(1)), pair =>
            Assert.Equal(pair.First.LossScale * (pair.First.GradNorm is null ? 0.5 : 1), pair.Second.LossScale));
        Assert.All(wide, line => Assert.Null(line.LossScale));
    }

    [Fact]
    public void What_goes_on_autograd_is_refused_in_words()
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(s_config with { IntermediateSize = 33 }, CPU, float16, seed: 4);
        using var parameters = Parameters(model, "LoRA");

        var error = Assert.Throws<ModelException>(() => new Objective(model));

        Assert.Equal("compute_type is float16, which needs the hand-written backward, and this training goes on autograd: its widths "
            + "are odd. Leave it out, or set bfloat16 or float32.", error.Message);
    }

    private static AdamW Optimiser(ParameterSet parameters) => new(parameters, 0.9, 0.999, 1e-8, 0.1);

    private static ParameterSet Parameters(LlamaModel model, string what) => what switch
    {
        "all weights" => ParameterSet.OfModel(model),
        "LoRA" or "LoRA on Gemma 2" => MovedAdapters.On(model, s_lora),
        _ => MovedAdapters.On(model, s_lora with { UseDora = true, ModulesToSave = ["embed_tokens", "lm_head"] }),
    };

    private static LlamaModel Widened(LlamaModel model)
    {
        var wide = LlamaModel.Initialize(model.Config, CPU, float32, seed: 4);
        wide.ReplaceWeights(model.Weights().ToDictionary(weight => weight.Name,
            weight => weight.Tensor.to(float32, copy: true).DetachFromDisposeScope()));
        return wide;
    }

    private static (double Loss, Tensor Gradients) Backward(Objective objective, ParameterSet parameters, MicroBatch batch)
    {
        parameters.Gradients.zero_();
        objective.BeginStep();
        var loss = objective.Backward(batch, seed: 3).item<float>();
        objective.EndStep();
        return (loss, parameters.Gradients.clone());
    }
}
