using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Data;
using LoraAspire.Model.Fit;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;
using LoraAspire.Trainer.Card;
using LoraAspire.Trainer.Training;
using LoraAspire.Trainer.Watching;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Trainer;

/// <summary>Data set + base → adapter; with finetuning_type full, → model.</summary>
public sealed class TrainStage : IStage<TrainerParams>
{
    public Task RunAsync(StageContext<TrainerParams> context, CancellationToken cancellationToken)
    {
        try
        {
            Train(context, cancellationToken);
            return Task.CompletedTask;
        }
        catch (ModelException error)
        {
            throw new StageException(error.Message, inner: error);
        }
    }

    public IEnumerable<Finding> Check(StageCheck<TrainerParams> given) => TrainCheck.Of(given);

    private static void Train(StageContext<TrainerParams> context, CancellationToken cancellationToken)
    {
        var settings = context.With;
        string data = context.Inputs["dataset"], folder = context.Inputs["base"];
        using var rows = InstructionDataset.Open(data);
        var device = ComputeDevice.Of(settings.Device.ToString());
        var full = settings.FinetuningType == FinetuningType.Full;
        var lora = Lora(settings, folder);
        var held = BaseFormat.Bf16;
        if (!full)
        {
            var work = new FitWork(ModelConfig.Load(folder), lora, settings.DoubleQuant, device.type == DeviceType.CUDA);
            var choice = BaseChoice.Of(settings, work, device, context.CheckpointDir,
                words => context.Report.Report(new(Message: words)));
            held = choice.Format;
            settings = settings with { LowMemory = choice.LowMemory, MicroBatchTokens = choice.Tokens };
        }
        using var model = full ? OpenToTrain(folder, settings, device) : OpenFrozen(folder, settings, device, held);
        RequireRowsFit(rows, model.Config);
        // Of what the run is made from; before it, since what is wrong with the files should not show after it.
        List<(string What, string Sha256)> made = [.. Digests.Of(data, folder, context.InputDigests)];

        var digests = full ? null : DigestsOf(folder, context, cancellationToken);
        model.NeftuneNoiseAlpha = settings.NeftuneNoiseAlpha ?? 0;
        if (!full)
        {
            model.AttachFresh(lora, settings.Seed);
        }
        using var parameters = full ? ParameterSet.OfModel(model) : ParameterSet.OfAdapters(model, settings.LoraplusLrRatio);
        var report = new GpuReport(context.Report, new GpuWatch(device));
        using var run = new TrainingRun(model, parameters, rows, settings, context.CheckpointDir, report);
        var end = run.Run(cancellationToken);

        var output = context.OutputDir(full ? "model" : "adapter");
        var copies = settings.KeepCheckpoints ? 1 + run.KeptCheckpoints : 1;
        DiskSpace.Require(output, copies * parameters.Count * sizeof(float), full ? "The trained model"
            : copies == 1 ? "The adapter" : $"The adapter with those of {run.KeptCheckpoints} checkpoints");
        if (full)
        {
            SaveModel(model, folder, output);
        }
        else
        {
            using var adapter = model.Detached(lora);
            adapter.BaseDigests = digests;
            adapter.Save(output);
        }
        if (settings.KeepCheckpoints)
        {
            SaveCheckpoints(run, model, lora, digests, data, context.OutputDir("checkpoints"));
        }
        CopyTemplate(data, output);
        File.Copy(run.MetricsFile, Path.Combine(output, MetricsLog.FileName));
        new RunCard(
            context.With, new(Path.GetFileName(folder), GitCommit.Of(context.Data.Root), made) { HeldIn = model.HeldIn },
            new(end, MetricsLog.Read(run.MetricsFile), parameters.Count, rows.Count - run.HeldOut.Count, run.HeldOut.Count),
            Samples.Of(model, folder, PromptFormat.Of(data), rows, run.HeldOut, cancellationToken)).Save(output);
    }

    private static BaseDigests DigestsOf(string folder, StageContext<TrainerParams> context, CancellationToken cancellationToken)
    {
        try
        {
            return BaseDigests.Of(folder, files => context.DigestsOf("base", files, cancellationToken));
        }
        catch (OperationCanceledException)
        {
            context.Report.Report(new(Message: RunMessages.Stopped(Checkpoints.NewestIn(context.CheckpointDir))));
            throw;
        }
    }

    private static LoraConfig Lora(TrainerParams settings, string folder) =>
        new(settings.LoraR, settings.LoraAlpha, settings.LoraDropout, settings.LoraTargetModules, settings.UseRslora)
        {
            BaseModelNameOrPath = Path.GetFileName(folder),
            UseDora = settings.UseDora,
            RankPattern = settings.RankPattern,
            AlphaPattern = settings.AlphaPattern,
            ModulesToSave = settings.ModulesToSave,
            LayersToTransform = settings.LayersToTransform,
        };

    /// <summary>Full training computes in float32 and may start from a folder without weights.</summary>
    private static LlamaModel OpenToTrain(string folder, TrainerParams settings, torch.Device device)
    {
        var config = ModelConfig.Load(folder);
        return config.Quantised is { } format
            ? throw new StageException($"{TrainCheck.QuantizedAndFull(format)}.")
            : WeightFiles.Exist(folder) ? LlamaModel.Load(folder, device, float32)
            : LlamaModel.Initialize(config, device, float32, settings.Seed);
    }

    /// <summary>LoRA needs a trained base, which stays as it is.</summary>
    private static LlamaModel OpenFrozen(string folder, TrainerParams settings, torch.Device device, BaseFormat held) =>
        LlamaModel.LoadFrozen(folder, device, TypeOf(settings, device), Quantisation.Of(held, settings.DoubleQuant));

    /// <summary>What LoRA training computes in.</summary>
    internal static ScalarType TypeOf(TrainerParams settings, torch.Device device) => settings.ComputeType switch
    {
        ComputeType.Float32 => float32,
        ComputeType.Bfloat16 => bfloat16,
        _ => CudaDevice.UsualType(device),
    };

    private static void RequireRowsFit(InstructionDataset rows, ModelConfig config)
    {
        for (var row = 0; row < rows.Count; row++)
        {
            if (rows.Length(row) > config.Context)
            {
                throw new StageException($"Row {row} of the data set has {rows.Length(row)} tokens, but the base's context "
                    + $"is {config.Context}. Lower cutoff_len of data-build.");
            }
        }
        rows.RequireIdsBelow(config.VocabSize);
    }

    private static void SaveModel(LlamaModel model, string from, string to)
    {
        ModelFiles.Copy(from, to);
        SafetensorsWriter.Write(Path.Combine(to, WeightFiles.Single), model.Weights().Select(weight =>
            new TensorSource(weight.Name, model.Config.TorchDtype, weight.Tensor.shape,
                () => weight.Tensor.detach().to_type(model.Config.TorchDtype))));
    }

    /// <summary>step-000500/ and so on, each an adapter's folder.</summary>
    private static void SaveCheckpoints(
        TrainingRun run, LlamaModel model, LoraConfig lora, BaseDigests? digests, string data, string output)
    {
        run.EachCheckpoint(step =>
        {
            var folder = Directory.CreateDirectory(Path.Combine(output, $"step-{step:D6}")).FullName;
            using var adapter = model.Detached(lora);
            adapter.BaseDigests = digests;
            adapter.Save(folder);
            CopyTemplate(data, folder);
        });
        if (!Directory.EnumerateFileSystemEntries(output).Any())
        {
            // Known only now: it stopped early, or what there was is damaged.
            throw new StageException("keep_checkpoints is set, and the training ended with no checkpoint to give. Lower save_steps.");
        }
    }

    /// <summary>The template goes with the weights, so that chat writes prompts as training did.</summary>
    private static void CopyTemplate(string from, string to) =>
        File.Copy(Path.Combine(from, PromptFormat.FileName), Path.Combine(to, PromptFormat.FileName));
}
