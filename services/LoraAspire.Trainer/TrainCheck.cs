using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Trainer;

/// <summary>What would keep a training from starting: a base that can't be loaded, targets that no layer has.</summary>
internal static class TrainCheck
{
    public static IEnumerable<Finding> Of(StageCheck<TrainerParams> given)
    {
        var rows = given.Records is { } records and <= int.MaxValue ? Rows(given.With, (int)records) : [];
        if (!given.Inputs.TryGetValue("base", out var folder))
        {
            return rows;
        }
        var full = given.With.FinetuningType == FinetuningType.Full;
        List<Finding> found = [.. rows, .. ModelCheck.Problems(folder, weights: !full || WeightFiles.Exist(folder), tokenizer: false)
            .Select(problem => new Finding("base", problem))];
        if (found.Any(finding => finding.Key == "base"))
        {
            return found;
        }
        var config = ModelConfig.Load(folder);
        var autograd = FusedModel.Unsupported(config);
        if (autograd is not null && given.With.ComputeType == ComputeType.Float16)
        {
            found.Add(new("compute_type", $"is float16, which needs the hand-written backward, and this base has none ({autograd}): leave "
                + "it out"));
        }
        var why = full ? null : autograd;
        if (config.Quantised is { } own)
        {
            found.AddRange(Quantized(given.With, own, full));
            if (why is not null)
            {
                found.Add(new("base", $"is quantised to {own.Word()} in its files, and only the hand-written backward trains on that, "
                    + $"which it doesn't have ({why}): give an unquantised base"));
            }
        }
        if (why is not null && given.With.ShardBase)
        {
            found.Add(new("shard_base", $"needs the hand-written backward, and this base has none ({why}): leave it out"));
        }
        return full || found.Any(finding => finding.Key == "base") ? found : [.. found, .. Targets(given.With, ModelCheck.Linears(folder))];
    }

    public static string QuantizedAndFull(BaseFormat format) =>
        $"the base is quantised to {format.Word()} in its files, which can't be trained whole: set finetuning_type: lora, or give an "
            + "unquantised one";

    private static IEnumerable<Finding> Quantized(TrainerParams with, BaseFormat own, bool full)
    {
        if (full)
        {
            yield return new("base", QuantizedAndFull(own));
        }
        else if (with.BaseType is not (BaseType.Bf16 or BaseType.Auto) && BaseChoice.FormatOf(with.BaseType) is var asked && asked != own)
        {
            yield return new("base_type", $"is {asked.Word()}, but the base is quantised to {own.Word()} in its files: leave it out, or "
                + "give an unquantised base");
        }
        if (with.UseDora)
        {
            yield return new("use_dora", $"needs the base's weights as numbers, and the base is quantised to {own.Word()} in its files: "
                + "leave it out, or give an unquantised base");
        }
    }

    /// <summary>So few records that none is left to train on, or that the run ends within its warm-up or before a checkpoint.</summary>
    private static IEnumerable<Finding> Rows(TrainerParams with, int records)
    {
        var heldOut = with.HeldOutOf(records);
        if (heldOut >= records)
        {
            yield return new("val_set_size",
                $"is {heldOut} rows, and the sources hold {records} records: lower it, or leave it out for a tenth of them");
            yield break;
        }
        var perEpoch = (records - heldOut + with.BatchSize - 1) / with.BatchSize;
        var steps = with.MaxSteps ?? (int)Math.Min(int.MaxValue, (long)with.NumEpochs * perEpoch);
        if (steps == 1 && Schedule.Of(with, steps).WarmupSteps > 0)
        {
            yield return new(with.WarmupRatio is null ? "warmup_steps" : "warmup_ratio", $"makes a warm-up, and {records} records make at "
                + "most 1 step, which would have the learning rate 0: set it to 0, lower batch_size, or raise num_epochs");
        }
        if (with.KeepCheckpoints && steps <= with.SaveSteps)
        {
            yield return new("keep_checkpoints", $"is set, and none is written: {records} records make at most {steps} "
                + $"{(steps == 1 ? "step" : "steps")}, and save_steps is {with.SaveSteps}: lower save_steps");
        }
    }

    private static IEnumerable<Finding> Targets(TrainerParams with, IReadOnlyList<string> layers)
    {
        foreach (var target in with.LoraTargetModules.Where(target => target != AdapterConfig.AllLinear))
        {
            // lm_head may be tied to the embedding, and then has no tensor of its own.
            if (target != "lm_head" && !layers.Any(layer => layer == target || layer.EndsWith("." + target, StringComparison.Ordinal)))
            {
                yield return new("lora_target_modules", $"no layer of the base is called '{target}': it has "
                    + $"{string.Join(", ", layers.Select(layer => layer.Split('.')[^1]).Distinct())}, or {AdapterConfig.AllLinear}");
            }
        }
    }
}
