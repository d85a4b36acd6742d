using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Trainer;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Quantised;

[Collection(TorchRandom.Name)]
public sealed class QuantizedTrainingTests(ITestOutputHelper output)
{
    /// <summary>Float32's rounding of sums, as for a base of numbers.</summary>
    private const double Tolerance = 1e-5;

    [Theory]
    [InlineData(BaseFormat.Int8, false)]
    [InlineData(BaseFormat.Int8, true)]
    [InlineData(BaseFormat.Nf4, false)]
    [InlineData(BaseFormat.Nf4, true)]
    [InlineData(BaseFormat.Int8, false, "gemma2")]
    [InlineData(BaseFormat.Nf4, true, "gemma2")]
    public void Loss_and_gradients_are_those_of_the_numbers_that_the_codes_stand_for(BaseFormat format, bool recompute,
        string family = "llama")
    {
        using var scope = NewDisposeScope();
        var config = family == "llama" ? TinyModel.Config : TinyModel.Gemma2;
        using var model = LlamaModel.Initialize(config, CPU, float32, seed: 3, quantisation: Quantisation.Of(format));
        using var numbers = LlamaModel.Initialize(config, CPU, float32, seed: 3);
        foreach (var (quantized, linear) in model.Linears.Zip(numbers.Linears))
        {
            ((PackedWeight)quantized.Quantised!).DequantiseInto(linear.Weight);
        }
        var rows = Rows(TinyModel.Config.VocabSize, 5, 23, 30);
        var expected = Gradients(numbers, autograd: true, recompute: false, rows);

        var found = Gradients(model, autograd: false, recompute, rows);

        Assert.Equal(expected.Loss, found.Loss, Tolerance);
        Assert.Equal(0, found.Gradients.sub(expected.Gradients).abs().max().item<float>(), Tolerance);
        Assert.Equal(expected.Loss, Gradients(model, autograd: true, recompute: false, rows).Loss, Tolerance);
    }

    /// <summary>The documentation, on the tiny base of the repository: text that the base has to learn from.</summary>
    [Fact]
    public void A_hundred_steps_on_real_text_lead_to_the_loss_that_an_unquantised_base_gives()
    {
        var plain = Losses(null);
        foreach (var format in new[] { BaseFormat.Int8, BaseFormat.Nf4 })
        {
            var losses = Losses(Quantisation.Of(format));
            double before = plain.Take(10).Average(), end = plain.TakeLast(20).Average(), own = losses.TakeLast(20).Average();
            output.WriteLine($"{format}: {plain[0]:F3} → {end:F4}, {losses[0]:F3} → {own:F4}");
            Assert.True(end < 0.85 * before, $"nothing was learned: {before} → {end}");
            Assert.InRange(own / end, 0.98, 1.02);
        }
    }

    [Fact]
    public void DoRA_is_refused_on_a_quantised_base()
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 3, quantisation: new Nf4());
        LoraConfig config = new(4, 8, 0, ["q_proj"]) { UseDora = true };
        var fresh = Assert.Throws<ModelException>(() => model.AttachFresh(config, seed: 1));
        Assert.Contains("DoRA needs the base's weights as numbers", fresh.Message, StringComparison.Ordinal);
        model.Linears.First().Attach(LayerAdapter.Of(config, "q_proj", [zeros(4, 16), zeros(16, 4), ones(16)]));
        var loaded = Assert.Throws<ModelException>(() => new Objective(model));
        Assert.Contains("that is none for this run: its adapters measure the base's weights", loaded.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_says_what_its_base_was_held_in()
    {
        var folder = Directory.CreateTempSubdirectory("lora-held-").FullName;
        try
        {
            using var model = LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 3, quantisation: new Nf4());
            LoraConfig config = new(4, 8, 0, ["q_proj"]);
            model.AttachFresh(config, seed: 1);
            using (var adapter = model.Detached(config))
            {
                adapter.Save(folder);
            }
            using var read = Adapter.Load(folder);
            Assert.Equal("nf4", read.TrainedOn);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static (double Loss, Tensor Gradients) Gradients(LlamaModel model, bool autograd, bool recompute, List<TrainingRow> rows)
    {
        using var parameters = MovedAdapters.On(model, new LoraConfig(6, 16, 0, [AdapterConfig.AllLinear]));
        using var objective = new Objective(model, lowMemory: recompute, autograd: autograd);
        Assert.StartsWith(autograd ? "autograd" : "hand-written", objective.Path, StringComparison.Ordinal);
        objective.BeginStep();
        var loss = objective.Backward(new MicroBatch(rows), seed: 0);
        objective.EndStep();
        Assert.Equal(loss.item<float>(), objective.Loss(new MicroBatch(rows)), Tolerance);
        return (loss.item<float>(), parameters.Gradients.clone());
    }

    private static List<double> Losses(Quantisation? how)
    {
        const int Steps = 110, Batch = 4, Length = 40;
        using var scope = NewDisposeScope();
        using var model = LlamaModel.LoadFrozen(GoldenFolder.Pebble, CPU, float32, how);
        model.AttachFresh(new LoraConfig(8, 16, 0.05, [AdapterConfig.AllLinear]), seed: 1);
        using var parameters = ParameterSet.OfAdapters(model);
        using var optimiser = new AdamW(parameters, 0.9, 0.999, 1e-8, 0);
        using var objective = new Objective(model);
        var step = new OptimiserStep(objective, parameters, optimiser, 1);
        var schedule = new Schedule(LrScheduler.Linear, 3e-3, WarmupSteps: 10, TotalSteps: Steps);
        var ids = HfTokenizer.Load(GoldenFolder.Pebble).Encode(string.Concat(Directory.EnumerateFiles(
            Path.Combine(GoldenFolder.RepoRoot, "docs"), "*.md").Order(StringComparer.Ordinal).Select(File.ReadAllText)), addBos: false);
        Assert.True(ids.Length > Steps * Batch * Length, $"{ids.Length} tokens of documentation");
        return [.. Enumerable.Range(0, Steps).Select(at =>
        {
            var rows = Enumerable.Range(0, Batch).Select(row => ids[(((at * Batch) + row) * Length)..(((at * Batch) + row + 1) * Length)])
                .Select(row => (row, row)).ToList();
            var batches = MicroBatch.Cut(MicroBatch.Weigh(rows, Compat.None, Batch, Batch), objective.DefaultTokens, objective.Packed);
            using var result = step.Run(OneDevice.Batches(batches), schedule.At(at), at, TestContext.Current.CancellationToken);
            return result.ReadMicroLosses().Sum();
        })];
    }

    private static List<TrainingRow> Rows(int vocabulary, params int[] lengths)
    {
        var random = new Random(1);
        return [.. lengths.Select(length => Enumerable.Range(0, length).Select(_ => random.Next(3, vocabulary)).ToArray())
            .Select(row => new TrainingRow(row, row, 1.0 / lengths.Sum()))];
    }
}
