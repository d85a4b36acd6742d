using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Data;
using LoraAspire.Model.Fit;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;
using LoraAspire.Trainer.Card;
using LoraAspire.Trainer.Ranks;
using LoraAspire.Trainer.Training;
using LoraAspire.Trainer.Watching;
using TorchSharp;

namespace LoraAspire.Trainer;

/// <summary>Data set + base → adapter; with finetuning_type full, → model.</summary>
public sealed class TrainStage : IStage<TrainerParams>
{
    private static readonly StageLibraries s_libraries = new(LibTorch.Load);

    public Task RunAsync(StageContext<TrainerParams> context, CancellationToken cancellationToken)
    {
        // Before libtorch is there, since it asks the driver at once which GPUs there are.
        TrainingDevices.Show(context.With);
        s_libraries.Load();
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

    public IEnumerable<Finding> Check(StageCheck<TrainerParams> given)
    {
        s_libraries.Load();
        return TrainCheck.Of(given);
    }

    private static void Train(StageContext<TrainerParams> context, CancellationToken cancellationToken)
    {
        var settings = context.With;
        string data = context.Inputs["dataset"], folder = context.Inputs["base"];
        using var rows = InstructionDataset.Open(data);
        var config = ModelConfig.Load(folder);
        RequireRowsFit(rows, config);
        var full = settings.FinetuningType == FinetuningType.Full;
        var chosen = TrainingDevices.Of(settings);
        if (!full)
        {
            // Once, here: the other devices hold the base as this one does.
            FitWork work = new(config, ModelInTraining.Adapters(settings, folder), settings.DoubleQuant,
                chosen.Own.type == DeviceType.CUDA, ModelInTraining.TypeOf(settings, chosen.Own) == torch.float32 ? 4 : 2);
            settings = BaseChoice.Of(settings, work, chosen, context.CheckpointDir, context.Say).In(settings);
        }
        // Of what the run is made from; before it, since what is wrong with the files should not show after it.
        List<(string What, string Sha256)> made = [.. Digests.Of(data, folder, context.InputDigests)];
        using var devices = RankProgram.Start(chosen, settings, data, folder, context.Say);
        using var trained = ModelInTraining.Open(folder, settings, chosen.Own, devices);
        var (model, lora, parameters) = trained;

        var digests = full ? null : DigestsOf(folder, context, cancellationToken);
        var report = new GpuReport(context.Report, [.. chosen.All.Select(device => new GpuWatch(device))]);
        using var run = new TrainingRun(model, parameters, rows, settings, context.CheckpointDir, report, devices);
        run.Samples = Samples.Of(model, folder, PromptFormat.Of(data), rows, run.HeldOut, out var why);
        if (settings.SampleAnswers && run.Samples is null)
        {
            context.Say($"sample_answers asks the model nothing: {why}.");
        }
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
        if (run.SamplesFile is { } samples)
        {
            File.Copy(samples, Path.Combine(output, TrainingSample.FileName));
        }
        new RunCard(
            context.With, new(Path.GetFileName(folder), GitCommit.Of(context.Data.Root), made) { HeldIn = model.HeldIn },
            new(end, MetricsLog.Read(run.MetricsFile), parameters.Count, rows.Count - run.HeldOut.Count, run.HeldOut.Count, chosen.Count),
            run.Samples?.Ask(cancellationToken) ?? []).Save(output);
    }

    private static BaseDigests DigestsOf(string folder, StageContext<TrainerParams> context, CancellationToken cancellationToken)
    {
        try
        {
            return BaseDigests.Of(folder, files => context.DigestsOf("base", files, cancellationToken));
        }
        catch (OperationCanceledException)
        {
            context.Say(RunMessages.Stopped(Checkpoints.NewestIn(context.CheckpointDir)));
            throw;
        }
    }

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
