using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Trainer.Ranks;
using LoraAspire.Trainer.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Trainer;

/// <summary>The base with fresh adapters, or whole where all of it is trained, and what is trained: on every device the same.</summary>
internal sealed record ModelInTraining(LlamaModel Model, LoraConfig Lora, ParameterSet Parameters) : IDisposable
{
    public static ModelInTraining Open(string folder, TrainerParams settings, torch.Device device, DeviceGroup devices)
    {
        if (settings.ComputeType == ComputeType.Float16 && FusedModel.Unsupported(ModelConfig.Load(folder)) is { } why)
        {
            throw Objective.NoFloat16(why);
        }
        var lora = Adapters(settings, folder);
        var model = OpenBase(folder, settings, device, devices);
        model.NeftuneNoiseAlpha = settings.NeftuneNoiseAlpha ?? 0;
        if (settings.FinetuningType == FinetuningType.Full)
        {
            return new(model, lora, ParameterSet.OfModel(model));
        }
        model.AttachFresh(lora, settings.Seed);
        return new(model, lora, ParameterSet.OfAdapters(model, settings.LoraplusLrRatio));
    }

    /// <summary>The adapters that are asked for.</summary>
    public static LoraConfig Adapters(TrainerParams settings, string folder) =>
        new(settings.LoraR, settings.LoraAlpha, settings.LoraDropout, settings.LoraTargetModules, settings.UseRslora)
        {
            BaseModelNameOrPath = Path.GetFileName(folder),
            UseDora = settings.UseDora,
            RankPattern = settings.RankPattern,
            AlphaPattern = settings.AlphaPattern,
            ModulesToSave = settings.ModulesToSave,
            LayersToTransform = settings.LayersToTransform,
        };

    /// <summary>Full training holds its weights in float32 and may start from a folder without them; LoRA needs a trained base.</summary>
    private static LlamaModel OpenBase(string folder, TrainerParams settings, torch.Device device, DeviceGroup devices)
    {
        if (settings.FinetuningType == FinetuningType.Full)
        {
            var config = ModelConfig.Load(folder);
            return config.Quantised is { } format
                ? throw new StageException($"{TrainCheck.QuantizedAndFull(format)}.")
                : WeightFiles.Exist(folder) ? LlamaModel.Load(folder, device, float32)
                : LlamaModel.Initialize(config, device, float32, settings.Seed);
        }
        var type = TypeOf(settings, device);
        var shards = settings.ShardBase ? devices.Collective : null;
        if (shards is not null && FusedModel.Unsupported(ModelConfig.Load(folder), type, device) is { } why)
        {
            throw Objective.NoShards(why);
        }
        return LlamaModel.LoadFrozen(folder, device, type,
            Quantisation.Of(BaseChoice.FormatOf(settings.BaseType), settings.DoubleQuant), shards);
    }

    /// <summary>What training computes in.</summary>
    internal static ScalarType TypeOf(TrainerParams settings, torch.Device device) => AskedType(settings) ?? CudaDevice.UsualType(device);

    /// <summary>Null where nobody asked.</summary>
    internal static ScalarType? AskedType(TrainerParams settings) => settings.ComputeType switch
    {
        ComputeType.Float32 => float32,
        ComputeType.Bfloat16 => bfloat16,
        ComputeType.Float16 => float16,
        _ => null,
    };

    public void Dispose()
    {
        Parameters.Dispose();
        Model.Dispose();
    }
}
