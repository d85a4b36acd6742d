namespace LoraAspire.Pipelines.Yaml;

/// <summary>Keys of alpaca-lora, LLaMA-Factory and axolotl, and what becomes of each here.</summary>
internal static class AliasTable
{
    /// <summary>The same parameter under another name: whichever kind of stage has the parameter takes the alias.</summary>
    public static IReadOnlyDictionary<string, string> Renamed { get; } = new Dictionary<string, string>
    {
        ["prompt_template"] = "prompt_template_name",
        ["template"] = "prompt_template_name",
        ["train_on_prompt"] = "train_on_inputs",
        ["sequence_len"] = "cutoff_len",
        ["cutoff_length"] = "cutoff_len",
        ["lora_rank"] = "lora_r",
        ["lora_target"] = "lora_target_modules",
        ["per_device_train_batch_size"] = "micro_batch_size",
        ["num_train_epochs"] = "num_epochs",
        ["val_size"] = "val_set_size",
        ["lr_scheduler"] = "lr_scheduler_type",
        ["adapter"] = "finetuning_type",
        ["additional_target"] = "modules_to_save",
        ["lora_modules_to_save"] = "modules_to_save",
        ["peft_use_dora"] = "use_dora",
        ["peft_use_rslora"] = "use_rslora",
        ["lora_plus_lr_ratio"] = "loraplus_lr_ratio",
        ["bnb_4bit_use_double_quant"] = "double_quant",
        ["double_quantization"] = "double_quant",
    };

    /// <summary>Keys that name an input. Only a stage that has that input takes them.</summary>
    public static IReadOnlyDictionary<string, string> Inputs { get; } = new Dictionary<string, string>
    {
        ["base_model"] = "base",
        ["model_name_or_path"] = "base",
        ["adapter_name_or_path"] = "adapter",
        ["dataset"] = "dataset",
    };

    /// <summary>Keys of which a value of another key is made.</summary>
    public static IReadOnlyList<string> Computed { get; } = ["gradient_accumulation_steps", "lora_target_linear"];

    /// <summary>Keys that have no say here, with the reason; whatever their value is, it changes nothing of what is trained.</summary>
    public static IReadOnlyDictionary<string, string> Ignored { get; } = new Dictionary<string, string>
    {
        ["output_dir"] = "outputs go to the artifact store, and the newest model is linked under its pipeline's name",
        ["export_dir"] = "outputs go to the artifact store, and the newest model is linked under its pipeline's name",
        ["sample_packing"] = "rows are packed, without seeing each other, wherever the device gains by it",
        ["bnb_4bit_compute_dtype"] = "compute_type says what is computed in",
        ["wandb_project"] = "the lab shows the run",
        ["wandb_run_name"] = "the lab shows the run",
        ["wandb_watch"] = "the lab shows the run",
        ["wandb_log_model"] = "the lab shows the run",
    };

    /// <summary>Keys that are taken when they ask for what is done anyway, as these values do; else refused for the reason.</summary>
    public static IReadOnlyDictionary<string, (string[] Harmless, string Reason)> Fixed { get; } =
        new Dictionary<string, (string[], string)>
        {
            ["resume_from_checkpoint"] =
            (["", "~", "null", "true"], "an interrupted trainer goes on from its own last checkpoint, and from no other; leave it out"),
            ["bias"] = (["none"], "only adapters without biases are supported; leave it out"),
            ["lora_bias"] = (["none", "false"], "only adapters without biases are supported; leave it out"),
        };
}
