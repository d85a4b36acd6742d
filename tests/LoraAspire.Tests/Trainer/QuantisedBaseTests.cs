using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Fit;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using LoraAspire.Trainer;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Trainer;

/// <summary>The whole stage on a base in 8 and 4 bits.</summary>
[Collection(TorchRandom.Name)]
public sealed class QuantisedBaseTests : IDisposable
{
    private static readonly TrainerParams s_with = new()
    {
        BatchSize = 8,
        MicroBatchSize = 8,
        MaxSteps = 6,
        LearningRate = 1e-3,
        WarmupSteps = 1,
        ValSetSize = 4,
        EvalSteps = 3,
        SaveSteps = 2,
    };

    private readonly TrainerStageRun _stage = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-base-type-").FullName;

    public void Dispose()
    {
        _stage.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(BaseType.Int8)]
    [InlineData(BaseType.Nf4)]
    public void A_run_that_was_stopped_goes_on_to_the_bytes_of_an_undisturbed_one(BaseType type)
    {
        var with = s_with with { BaseType = type };
        var expected = _stage.Run(with, "whole");
        Assert.Throws<OperationCanceledException>(() => _stage.Run(with, "stopped", stopAfter: 3));

        Assert.Equal(expected, _stage.Run(with, "stopped"));
        Assert.NotEqual(_stage.Run(s_with, "numbers"), expected);
        using var adapter = Adapter.Load(_stage.Adapter("whole"));
        Assert.Equal(type.ToString().ToLowerInvariant(), adapter.TrainedOn);
        using var plain = Adapter.Load(_stage.Adapter("numbers"));
        Assert.Null(plain.TrainedOn);
        var card = File.ReadAllText(Path.Combine(_stage.Adapter("whole"), "README.md"));
        Assert.Contains($"| in {type.ToString().ToLowerInvariant()} |", card, StringComparison.Ordinal);
        Assert.Contains("## Held-out prompts", card, StringComparison.Ordinal); // answered over the quantised base
        var words = $"the base in {type.ToString().ToLowerInvariant()}";
        Assert.Contains(_stage.Reports, report => report.Message?.Contains(words, StringComparison.Ordinal) is true);
    }

    [Fact]
    public void Auto_takes_what_is_fastest_and_keeps_to_it_when_the_run_goes_on()
    {
        var with = s_with with { BaseType = BaseType.Auto };
        Assert.Throws<OperationCanceledException>(() => _stage.Run(with, "auto", stopAfter: 2));
        Assert.Contains(_stage.Reports, report => report.Message?.StartsWith("base_type auto: base_type bf16, low_memory false",
            StringComparison.Ordinal) is true);
        // As another machine would have chosen it.
        var file = Path.Combine(_stage.Checkpoints("auto"), "base.json");
        Assert.Equal("bf16", JsonDocument.Parse(File.ReadAllText(file)).RootElement.GetProperty("format").GetString());
        File.WriteAllText(file, """{"format":"nf4","low_memory":true,"tokens":512}""");

        _stage.Run(with, "auto");

        const string Kept = "nf4, low_memory true, micro_batch_tokens 512, as this run began";
        Assert.Contains(_stage.Reports, report => report.Message?.Contains(Kept, StringComparison.Ordinal) is true);
        using var adapter = Adapter.Load(_stage.Adapter("auto"));
        Assert.Equal("nf4", adapter.TrainedOn);
    }

    [Fact]
    public void A_base_that_does_not_fit_is_told_before_it_is_loaded_with_what_would()
    {
        List<string> said = [];
        FitWork huge = new(TinyModel.Llama7B with { NumHiddenLayers = 4000, SlidingWindow = new int?[4000] },
            new LoraConfig(8, 16, 0, ["q_proj"]), OnGpu: false);

        var asked = BaseChoice.Of(s_with, huge, new(CPU, 1, []), _folder, said.Add);
        var chosen = BaseChoice.Of(s_with with { BaseType = BaseType.Auto }, huge, new(CPU, 1, []), _folder, said.Add);

        Assert.Equal((BaseFormat.Bf16, BaseFormat.Nf4), (asked.Format, chosen.Format));
        Assert.Contains("GiB held in bf16 even with the smallest micro-batches", said[0], StringComparison.Ordinal);
        Assert.Contains("take a smaller base", said[0], StringComparison.Ordinal);
        Assert.Contains("which is too much, and nothing takes less", said[1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_quantised_folder_that_cannot_be_trained_on_is_no_matter_of_base_type()
    {
        using (var model = LlamaModel.Load(GoldenFolder.Pebble, CPU, float32))
        {
            Quantised.BitsAndBytesFolder.Save(model, _folder, "int8");
        }
        TakeHandWrittenBackward();

        var found = Assert.Single(((IStage<TrainerParams>)new TrainStage()).Check(
            new(s_with, new Dictionary<string, string> { ["base"] = _folder }, new DataRoot(_folder))));
        var error = Assert.Throws<ModelException>(() => LlamaModel.LoadFrozen(_folder, CPU, float32, new Int8()));

        Assert.Equal("base", found.Key);
        Assert.Contains("its widths are odd", found.Problem, StringComparison.Ordinal);
        Assert.Contains("is quantised to int8 in its files, and this base can't train", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("): give an unquantised base.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_base_without_a_hand_written_backward_is_not_shared_among_devices()
    {
        foreach (var file in Directory.EnumerateFiles(GoldenFolder.Pebble))
        {
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        }
        var shared = s_with with { ShardBase = true, Devices = DeviceChoice.Of("2")! };
        IEnumerable<Finding> Check(TrainerParams given) => ((IStage<TrainerParams>)new TrainStage()).Check(
            new(given, new Dictionary<string, string> { ["base"] = _folder }, new DataRoot(_folder)));
        Assert.Empty(Check(shared));
        TakeHandWrittenBackward();

        var found = Assert.Single(Check(shared));

        Assert.Equal("compute_type", Assert.Single(Check(s_with with { ComputeType = ComputeType.Float16 })).Key);
        Assert.Equal("shard_base", found.Key);
        Assert.Contains("this base has none (its widths are odd", found.Problem, StringComparison.Ordinal);
        Assert.Empty(Check(s_with));
    }

    private void TakeHandWrittenBackward()
    {
        var path = Path.Combine(_folder, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(path))!;
        config["intermediate_size"] = 385;
        File.WriteAllText(path, config.ToJsonString());
    }

    [Theory]
    [InlineData("use_dora")]
    [InlineData("base_type")]
    [InlineData("base")]
    public void What_a_quantised_folder_cannot_be_asked_for_is_found_by_the_check(string key)
    {
        using (var model = LlamaModel.Load(GoldenFolder.Pebble, CPU, float32))
        {
            Quantised.BitsAndBytesFolder.Save(model, _folder, "int8");
        }
        var with = key switch
        {
            "use_dora" => s_with with { UseDora = true },
            "base_type" => s_with with { BaseType = BaseType.Nf4 },
            _ => s_with with { FinetuningType = FinetuningType.Full },
        };
        IEnumerable<Finding> Check(TrainerParams given) => ((IStage<TrainerParams>)new TrainStage()).Check(
            new(given, new Dictionary<string, string> { ["base"] = _folder }, new DataRoot(_folder)));

        Assert.Equal(key, Assert.Single(Check(with)).Key);
        Assert.Empty(Check(s_with));
        Assert.Empty(Check(s_with with { ShardBase = true, Devices = DeviceChoice.Of("2")! }));
    }
}
