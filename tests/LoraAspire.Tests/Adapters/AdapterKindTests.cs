using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Weights;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Trainer;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Adapters;

/// <summary>
/// A kind of adapter is one class and a record of its settings. Shown by one that the project doesn't have, (IA)³ (Liu et al. 2022) of a
/// layer's outputs: each is
/// multiplied by a trained number.
/// </summary>
[Collection(TorchRandom.Name)]
public sealed class AdapterKindTests : IDisposable
{
    private sealed class Gains : AdapterKind
    {
        public static readonly AdapterParameter Gain = new("ia3_l", Axis.Out);

        public override string Name => "(IA)³";
        public override string PeftType => "IA3";
        public override IReadOnlyList<AdapterParameter> Parameters { get; } = [Gain];

        internal override AdapterConfig ReadConfig(ConfigFields fields) => new GainsConfig(AdapterConfig.ReadTargets(fields));
        internal override Tensor[] Fresh(Linear linear, AdapterConfig config) =>
            [ones([linear.OutFeatures], float32, linear.Weight.device)];
        internal override Tensor Forward(Linear linear, LayerAdapter adapter, Tensor x, bool training) =>
            linear.Base(x).mul(adapter[Gain].to_type(x.dtype));
        internal override void Merge(LayerAdapter adapter, long first, Span<float> rows, int width)
        {
            var gains = adapter[Gain].Numbers()[(int)first..];
            for (var i = 0; i < rows.Length; i++)
            {
                rows[i] *= gains[i / width];
            }
        }
    }

    private sealed record GainsConfig(IReadOnlyList<string> TargetModules) : AdapterConfig(TargetModules)
    {
        private static readonly Gains s_kind = new();

        public override AdapterKind Kind => s_kind;

        internal override IReadOnlyDictionary<string, object?> OwnFields() =>
            new Dictionary<string, object?> { ["feedforward_modules"] = Array.Empty<string>() };
    }

    private static readonly GainsConfig Settings = new(["q_proj", "down_proj"]);

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-kind-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_kind_trains_by_autograd_and_says_why_and_its_file_reads_back_and_merges_to_what_it_trained()
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 3);
        model.AttachFresh(Settings, seed: 1);
        using var parameters = ParameterSet.OfAdapters(model);
        using var objective = new Objective(model);
        using var optimiser = new AdamW(parameters, 0.9, 0.999, 1e-8, 0);
        var step = new OptimiserStep(objective, parameters, optimiser, 0);
        var rows = new MicroBatch([new TrainingRow([1, 5, 9, 13, 2], [-100, 5, 9, 13, 2], 0.25)]);
        var losses = Enumerable.Range(0, 20).Select(i =>
        {
            using var result = step.Run(OneDevice.Batches([rows]), 0.05, i);
            return result.ReadMicroLosses().Single();
        }).ToList();
        var ids = tensor(new long[] { 1, 5, 9, 13 }).unsqueeze(0);
        var trained = model.Forward(ids);

        using (var adapter = model.Detached(Settings))
        {
            adapter.Save(_folder);
        }
        using var file = TensorFile.Open(Path.Combine(_folder, Adapter.FileName));
        using var read = new AdapterReader(Settings, file).Read();
        using var merged = LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 3);
        merged.ReplaceWeights(merged.Weights().ToDictionary(weight => weight.Name, weight =>
            (read.Layers.ContainsKey(weight.Name[..weight.Name.LastIndexOf('.')])
                ? read.Merge(weight.Name[..weight.Name.LastIndexOf('.')], weight.Tensor) : weight.Tensor.clone())
                .DetachFromDisposeScope()));

        Assert.Equal("autograd (its adapters are (IA)³'s)", objective.Path);
        Assert.Equal(TinyModel.Config.NumHiddenLayers * (16 + 16), parameters.Count);
        Assert.True(losses[^1] < losses[0] - 0.1, $"{losses[0]} → {losses[^1]}");
        Assert.Contains("base_model.model.model.layers.1.mlp.down_proj.ia3_l", file.Tensors.Keys);
        Assert.Contains("\"peft_type\": \"IA3\"", File.ReadAllText(Path.Combine(_folder, AdapterConfig.FileName)),
            StringComparison.Ordinal);
        Assert.InRange(merged.Forward(ids).sub(trained).abs().max().item<float>(), 0, 1e-4);
    }
}
