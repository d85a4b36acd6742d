using LoraAspire.Merger;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Data;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Tests.Adapters;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Trainer;

/// <summary>What each option of a LoRA run does to its numbers, its files and its resuming.</summary>
[Collection(Goldens.TorchRandom.Name)]
public sealed class OptionsTests : IDisposable
{
    private static readonly LoraConfig Everything = new(4, 8, 0.1, [AdapterConfig.AllLinear])
    {
        UseDora = true,
        ModulesToSave = ["embed_tokens", "lm_head"],
        RankPattern = new Dictionary<string, int> { ["q_proj"] = 2 },
        AlphaPattern = new Dictionary<string, double> { [@"layers\.1\.mlp\.\w+"] = 2 },
    };

    private static readonly TrainerParams Settings = new()
    {
        BatchSize = 6,
        MicroBatchSize = 2,
        NumEpochs = 2,
        LearningRate = 1e-2,
        WarmupSteps = 2,
        LoraDropout = 0.1,
        ValSetSize = 0,
        SaveSteps = 3,
        LoraplusLrRatio = 4,
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-options-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>AdamW's first step moves every value by its rate, whatever the gradient; decay takes rate · λ of it before.</summary>
    [Fact]
    public void LoRA_plus_moves_B_and_the_lengths_by_its_ratio()
    {
        using var scope = NewDisposeScope();
        using var model = Tiny();
        model.AttachFresh(Everything, seed: 1);
        using var parameters = ParameterSet.OfAdapters(model, loraPlusRatio: 16);
        using var optimiser = new AdamW(parameters, 0.9, 0.999, 1e-8, weightDecay: 0.5);
        var before = parameters.Values.clone();
        parameters.Gradients.fill_(2);

        optimiser.Step(1e-3);

        var views = parameters.Views().ToList();
        long offset = 0;
        foreach (var (name, value, _) in views)
        {
            var rate = name.Contains("lora_B") || name.Contains("magnitude") ? 16e-3 : 1e-3;
            var old = before.narrow(0, offset, value.numel()).view(value.shape);
            var expected = old.mul(1 - (rate * 0.5)).sub(rate);
            Assert.InRange(value.sub(expected).abs().max().item<float>(), 0, 1e-6);
            offset += value.numel();
        }
        Assert.Equal((14 * 3) + 2, views.Count);
    }

    [Fact]
    public void NEFTune_is_noise_in_training_alone_and_follows_the_seed()
    {
        using var scope = NewDisposeScope();
        using var model = Tiny();
        model.AttachFresh(new LoraConfig(4, 8, 0, [AdapterConfig.AllLinear]), seed: 1);
        using var parameters = ParameterSet.OfAdapters(model);
        MicroBatch batch = new([new([.. Enumerable.Range(0, 12)], [.. Enumerable.Range(0, 12)], Weight: 1)]);
        double Loss(double alpha, long seed, bool training)
        {
            model.NeftuneNoiseAlpha = alpha;
            using var objective = new Objective(model);
            Assert.Equal("hand-written backward", objective.Path);
            objective.BeginStep();
            return training ? objective.Backward(batch, seed).item<float>() : objective.Loss(batch);
        }
        var plain = Loss(0, 1, training: true);

        Assert.Equal(plain, Loss(5, 1, training: false), 1e-5);
        Assert.Equal(Loss(5, 1, training: true), Loss(5, 1, training: true));
        Assert.NotEqual(Loss(5, 1, training: true), Loss(5, 2, training: true));
        Assert.NotEqual(plain, Loss(5, 1, training: true));
        // Small noise acts in proportion to alpha.
        Assert.Equal(2, (Loss(0.02, 3, training: true) - plain) / (Loss(0.01, 3, training: true) - plain), 0.2);
    }

    [Fact]
    public void The_files_have_the_keys_and_shapes_of_PEFT()
    {
        Train("keys");
        using var file = SafetensorsFile.Open(Path.Combine(_folder, "keys", "out", Adapter.FileName));
        long[] Shape(string name) => [.. file.Tensors["base_model.model." + name].Shape];

        Assert.Equal([32, 16], Shape("model.embed_tokens.weight"));
        Assert.Equal([32, 16], Shape("lm_head.weight"));
        Assert.Equal([2, 16], Shape("model.layers.0.self_attn.q_proj.lora_A.weight"));
        Assert.Equal([16, 2], Shape("model.layers.0.self_attn.q_proj.lora_B.weight"));
        Assert.Equal([16], Shape("model.layers.0.self_attn.q_proj.lora_magnitude_vector"));
        Assert.Equal([4, 24], Shape("model.layers.1.mlp.down_proj.lora_A.weight"));
        Assert.Equal((14 * 3) + 2, file.Tensors.Count);
    }

    [Fact]
    public void With_everything_on_the_base_stays_and_the_adapter_alone_is_trained()
    {
        using var scope = NewDisposeScope();
        using var model = Tiny();
        var before = model.Weights().ToDictionary(weight => weight.Name, weight => weight.Tensor.clone());
        Train("trained", model: model);
        using var trained = Adapter.Load(Path.Combine(_folder, "trained", "out"));

        Assert.All(model.Weights(), weight => Assert.True(weight.Tensor.equal(before[weight.Name]).all().item<bool>(), weight.Name));
        Assert.All(trained.Saved,
            module => Assert.True(module.Value.sub(before[module.Key + ".weight"]).abs().max().item<float>() > 1e-3, module.Key));
        Assert.All(trained.Layers, layer => Assert.True(layer.Value[Lora.B].abs().max().item<float>() > 1e-3, layer.Key));
    }

    [Fact]
    public void A_run_with_everything_on_resumes_to_the_same_bytes()
    {
        var expected = Train("undisturbed");
        foreach (var stop in new[] { 1, 4, 6 })
        {
            Assert.Throws<OperationCanceledException>(() => Train($"stopped-{stop}", stop));

            Assert.Equal(expected, Train($"stopped-{stop}"));
        }
    }

    [Fact]
    public void Merged_weights_speak_as_the_base_with_such_an_adapter()
    {
        using var scope = NewDisposeScope();
        Train("merged");
        using var adapter = Adapter.Load(Path.Combine(_folder, "merged", "out"));
        using LlamaModel bare = Tiny(), attached = Tiny();
        attached.Attach(adapter);
        string from = Directory.CreateDirectory(Path.Combine(_folder, "base")).FullName, to =
            Directory.CreateDirectory(Path.Combine(_folder, "result")).FullName;
        TinyModel.Save(bare, from);
        File.Copy(Path.Combine(from, "config.json"), Path.Combine(to, "config.json"));

        MergedWeights.Write(from, adapter, to, 1 << 30, new Progress<StageProgress>(), TestContext.Current.CancellationToken);

        using var merged = LlamaModel.Load(to, CPU, float32);
        var ids = arange(0, 12, int64).unsqueeze(0);
        Assert.InRange(Difference(merged.Forward(ids), attached.Forward(ids)), 0, 1e-4);
        Assert.True(Difference(bare.Forward(ids), attached.Forward(ids)) > 0.1);
    }

    private static float Difference(Tensor one, Tensor other) => one.sub(other).abs().max().item<float>();

    private static LlamaModel Tiny() => LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 5);

    private byte[] Train(string name, int? stopAfter = null, LlamaModel? model = null)
    {
        using var scope = NewDisposeScope();
        using var stop = new CancellationTokenSource();
        using var own = model is null ? Tiny() : null;
        model ??= own!;
        model.AttachFresh(Everything, Settings.Seed);
        model.NeftuneNoiseAlpha = 5;
        using var parameters = ParameterSet.OfAdapters(model, Settings.LoraplusLrRatio);
        using var rows = Rows();
        var folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        using var run = new TrainingRun(model, parameters, rows, Settings, folder, new ProgressSink(progress =>
        {
            if (progress.Done == stopAfter)
            {
                stop.Cancel();
            }
        }));
        run.Run(stop.Token);
        var output = Directory.CreateDirectory(Path.Combine(folder, "out")).FullName;
        using var adapter = model.Detached(Everything);
        adapter.Save(output);
        return File.ReadAllBytes(Path.Combine(output, Adapter.FileName));
    }

    private InstructionDataset Rows()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "rows")).FullName;
        if (!File.Exists(Path.Combine(folder, InstructionDataset.FileName)))
        {
            using var writer = new InstructionDatasetWriter(folder);
            for (var row = 0; row < 25; row++)
            {
                var ids = Enumerable.Range(row % 7, 5 + (row % 4)).Select(id => id + 3).ToArray();
                writer.Add(ids, [.. ids.Select((id, i) => i < 2 ? InstructionDataset.NoLoss : id)], "counting", row);
            }
            writer.Complete();
        }
        return InstructionDataset.Open(folder);
    }
}
