using System.Globalization;
using LoraAspire.Pipelines.Stages;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>Keys that users bring from alpaca-lora, LLaMA-Factory and axolotl: understood with a note, or refused in words.</summary>
internal static class Aliases
{
    private static readonly Dictionary<(StageKind Kind, string Key), string> Renamed = new()
    {
        [(StageKinds.DataBuild, "prompt_template")] = "prompt_template_name",
        [(StageKinds.DataBuild, "template")] = "prompt_template_name",
        [(StageKinds.DataBuild, "train_on_prompt")] = "train_on_inputs",
        [(StageKinds.DataBuild, "sequence_len")] = "cutoff_len",
        [(StageKinds.DataBuild, "cutoff_length")] = "cutoff_len",
        [(StageKinds.Trainer, "lora_rank")] = "lora_r",
        [(StageKinds.Trainer, "lora_target")] = "lora_target_modules",
        [(StageKinds.Trainer, "per_device_train_batch_size")] = "micro_batch_size",
        [(StageKinds.Trainer, "num_train_epochs")] = "num_epochs",
        [(StageKinds.Trainer, "val_size")] = "val_set_size",
        [(StageKinds.Trainer, "lr_scheduler")] = "lr_scheduler_type",
        [(StageKinds.Trainer, "adapter")] = "finetuning_type",
    };

    private static readonly Dictionary<string, string> Refused = new()
    {
        ["base_model"] = "the base is an input: write `inputs: { base: model:NAME }`, NAME being a folder under the models root",
        ["model_name_or_path"] = "the base is an input: write `inputs: { base: model:NAME }`, NAME being a folder under the models root",
        ["adapter_name_or_path"] = "an adapter is an input: write `inputs: { adapter: STAGE.adapter }`",
        ["data_path"] = "data is built by a data-build stage: write `sources: [{ alpaca: { path: FILE } }]` there",
        ["dataset"] = "data is built by a data-build stage: list it under `sources` there, and write `inputs: { dataset: STAGE.dataset }` here",
        ["output_dir"] = "outputs go to the artifact store, under their digest: leave it out",
        ["export_dir"] = "outputs go to the artifact store, under their digest: leave it out",
        ["resume_from_checkpoint"] = "an interrupted trainer goes on from its last checkpoint by itself: leave it out",
        ["quantization_bit"] = "quantised bases are not supported yet: leave it out to train on 16- or 32-bit weights",
    };

    private static readonly string[] OnlyFalse = ["load_in_8bit", "load_in_4bit", "sample_packing"];

    /// <summary>The entries of <c>with</c> under their canonical keys.</summary>
    public static IEnumerable<KeyValuePair<YamlNode, YamlNode>> Resolve(YamlMappingNode with, StageKind kind, Report report)
    {
        var written = with.Children.Where(entry => Binder.Text(entry.Key) is not null).ToDictionary(entry => Binder.Text(entry.Key)!, entry => entry.Value);
        foreach (var (key, value) in with.Children)
        {
            var name = Binder.Text(key) ?? "";
            if (Refused.TryGetValue(name, out var reason))
            {
                report.Error(key, $"'{name}': {reason}");
            }
            else if (OnlyFalse.Contains(name))
            {
                RefuseTrue(key, value, name, report);
            }
            else if (kind == StageKinds.Trainer && name is "gradient_accumulation_steps")
            {
                if (BatchSize(key, value, written, report) is { } batch)
                {
                    yield return new(report.InPlaceOf(key, "batch_size"), report.InPlaceOf(value, batch.ToString(CultureInfo.InvariantCulture)));
                }
            }
            else if (kind == StageKinds.Trainer && name is "lora_target_linear")
            {
                report.Note(key, "lora_target_linear: true understood as lora_target_modules: all-linear");
                if (Binder.Text(value) == "true")
                {
                    yield return new(report.InPlaceOf(key, "lora_target_modules"), report.InPlaceOf(value, "all-linear"));
                }
            }
            else if (kind == StageKinds.Trainer && name is "adapter" && Binder.Text(value) == "qlora")
            {
                report.Error(value, "'adapter: qlora': quantised bases are not supported yet; use lora");
            }
            else if (Renamed.TryGetValue((kind, name), out var canonical))
            {
                if (written.ContainsKey(canonical))
                {
                    report.Error(key, $"'{name}' means '{canonical}', which is also given: keep one");
                    continue;
                }
                report.Note(key, $"{name} understood as {canonical}");
                yield return new(report.InPlaceOf(key, canonical), canonical == "lora_target_modules" ? Modules(value, report) : value);
            }
            else
            {
                yield return new(key, value);
            }
        }
    }

    private static void RefuseTrue(YamlNode key, YamlNode value, string name, Report report)
    {
        if (Binder.Text(value) == "false")
        {
            report.Note(key, $"{name}: false is what is done anyway");
        }
        else
        {
            report.Error(key, $"'{name}' is not supported yet: leave it out");
        }
    }

    private static int? BatchSize(YamlNode key, YamlNode value, Dictionary<string, YamlNode> written, Report report)
    {
        var micro = written.GetValueOrDefault("micro_batch_size") ?? written.GetValueOrDefault("per_device_train_batch_size");
        var microSize = micro is null ? new TrainerParams().MicroBatchSize : Whole(micro);
        var steps = Whole(value);
        if (steps is not > 0 || microSize is null)
        {
            report.Error(value, "'gradient_accumulation_steps' is a whole number of at least 1");
            return null;
        }
        if (written.TryGetValue("batch_size", out var batch))
        {
            if (Whole(batch) != steps * microSize)
            {
                report.Error(key, $"gradient_accumulation_steps {steps} × micro_batch_size {microSize} is not batch_size {Binder.Text(batch)}: keep one of the two");
            }
            return null;
        }
        report.Note(key, $"gradient_accumulation_steps understood as batch_size: {steps * microSize}");
        return steps * microSize;
    }

    /// <summary>LLaMA-Factory writes "all", or names with commas between.</summary>
    private static YamlNode Modules(YamlNode value, Report report) => Binder.Text(value) switch
    {
        "all" => report.InPlaceOf(value, "all-linear"),
        { } text when text.Contains(',') => new YamlSequenceNode(text.Split(',', StringSplitOptions.TrimEntries).Select(name => report.InPlaceOf(value, name))),
        _ => value,
    };

    private static int? Whole(YamlNode node) => int.TryParse(Binder.Text(node), CultureInfo.InvariantCulture, out var whole) ? whole : null;
}
