using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
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
        var lora = new LoraConfig(settings.LoraR, settings.LoraAlpha, settings.LoraDropout, settings.LoraTargetModules, settings.UseRslora)
        {
            BaseModelNameOrPath = Path.GetFileName(folder),
            UseDora = settings.UseDora,
            RankPattern = settings.RankPattern,
            AlphaPattern = settings.AlphaPattern,
            ModulesToSave = settings.ModulesToSave,
            LayersToTransform = settings.LayersToTransform,
        };
        var model = OpenBase(folder, settings, device, devices);
        model.NeftuneNoiseAlpha = settings.NeftuneNoiseAlpha ?? 0;
        if (settings.FinetuningType == FinetuningType.Full)
        {
            return new(model, lora, ParameterSet.OfModel(model));
        }
        model.AttachFresh(lora, settings.Seed);
        return new(model, lora, ParameterSet.OfAdapters(model, settings.LoraplusLrRatio));
    }

    /// <summary>Full training computes in float32 and may start from a folder without weights; LoRA needs a trained base.</summary>
    private static LlamaModel OpenBase(string folder, TrainerParams settings, torch.Device device, DeviceGroup devices)
    {
        if (settings.FinetuningType == FinetuningType.Full)
        {
            return WeightFiles.Exist(folder)
                ? LlamaModel.Load(folder, device, float32)
                : LlamaModel.Initialize(ModelConfig.Load(folder), device, float32, settings.Seed);
        }
        return LlamaModel.Load(folder, device, settings.ComputeType switch
        {
            ComputeType.Float32 => float32,
            ComputeType.Bfloat16 => bfloat16,
            _ => CudaDevice.UsualType(device),
        }, settings.ShardBase ? devices.Collective : null);
    }

    public void Dispose()
    {
        Parameters.Dispose();
        Model.Dispose();
    }
}
