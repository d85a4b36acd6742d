using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>Keys of alpaca-lora, LLaMA-Factory and axolotl, and what becomes of each here.</summary>
internal static class AliasTable
{
    /// <summary>The same thing under another name.</summary>
    public static IReadOnlyDictionary<(StageKind Kind, string Key), string> Renamed { get; } = new Dictionary<(StageKind, string), string>
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
        [(StageKinds.Trainer, "additional_target")] = "modules_to_save",
        [(StageKinds.Trainer, "lora_modules_to_save")] = "modules_to_save",
        [(StageKinds.Trainer, "peft_use_dora")] = "use_dora",
        [(StageKinds.Trainer, "peft_use_rslora")] = "use_rslora",
        [(StageKinds.Trainer, "lora_plus_lr_ratio")] = "loraplus_lr_ratio",
    };

    /// <summary>Keys that name an input. Only a stage that has that input takes them.</summary>
    public static IReadOnlyDictionary<string, string> Inputs { get; } = new Dictionary<string, string>
    {
        ["base_model"] = "base",
        ["model_name_or_path"] = "base",
        ["adapter_name_or_path"] = "adapter",
        ["dataset"] = "dataset",
    };

    /// <summary>Keys that have no say here, with the reason; whatever their value is, it changes nothing of what is trained.</summary>
    public static IReadOnlyDictionary<string, string> Ignored { get; } = new Dictionary<string, string>
    {
        ["output_dir"] = "outputs go to the artifact store, and the newest model is linked under its pipeline's name",
        ["export_dir"] = "outputs go to the artifact store, and the newest model is linked under its pipeline's name",
        ["sample_packing"] = "rows are packed, without seeing each other, wherever the device gains by it",
        ["wandb_project"] = "the lab shows the run",
        ["wandb_run_name"] = "the lab shows the run",
        ["wandb_watch"] = "the lab shows the run",
        ["wandb_log_model"] = "the lab shows the run",
    };

    /// <summary>Keys that are taken when they ask for what is done anyway, as these values do; else refused for the reason.</summary>
    public static IReadOnlyDictionary<string, (string[] Harmless, string Reason)> Fixed { get; } = new Dictionary<string, (string[], string)>
    {
        ["load_in_8bit"] = (["false"], "quantised bases are not supported yet; leave it out to train on 16- or 32-bit weights"),
        ["load_in_4bit"] = (["false"], "quantised bases are not supported yet; leave it out to train on 16- or 32-bit weights"),
        ["quantization_bit"] = (["", "~", "null", "none"], "quantised bases are not supported yet; leave it out to train on 16- or 32-bit weights"),
        ["resume_from_checkpoint"] = (["", "~", "null", "true"], "an interrupted trainer goes on from its own last checkpoint, and from no other; leave it out"),
        ["bias"] = (["none"], "only adapters without biases are supported; leave it out"),
        ["lora_bias"] = (["none", "false"], "only adapters without biases are supported; leave it out"),
    };
}
