namespace LoraAspire.Pipelines.Yaml.Foreign;

/// <summary>Keys of other trainers that nothing here answers to, and why that is so.</summary>
internal static class NoCounterpart
{
    private const string Shown = "progress, losses and speed are always kept and shown";
    private const string Resumes = "a trainer always goes on from its own last checkpoint, and replaces nothing";
    private const string Found = "the base's config.json says it";
    private const string OneProcess = "devices says on how many GPUs a trainer works";
    private const string Attention = "the attention that the device does best is always taken";
    private const string Memory = "what is recomputed follows from the memory there is; low_memory: true recomputes everything";
    private const string Fresh = "an adapter can't be trained on yet: merge it, and name the merged model as base";
    private const string Loading = "rows are tokenised once by data-build and read from its data set";

    private static readonly IReadOnlyDictionary<string, string> s_reasons = new Dictionary<string, string>
    {
        ["stage"] = "supervised fine-tuning is what a trainer stage does",
        ["do_train"] = "the pipeline's stages say what is done",
        ["do_eval"] = "val_set_size says whether there is a validation",
        ["do_predict"] = "the evaluator stage asks the model",
        ["logging_dir"] = Shown,
        ["report_to"] = Shown,
        ["plot_loss"] = Shown,
        ["wandb_entity"] = Shown,
        ["debug"] = Shown,
        ["overwrite_output_dir"] = Resumes,
        ["overwrite_cache"] = Resumes,
        ["auto_resume_from_checkpoints"] = Resumes,
        ["save_strategy"] = "save_steps says when",
        ["eval_strategy"] = "eval_steps says when",
        ["evaluation_strategy"] =
            "eval_steps says when",
        ["saves_per_epoch"] = "save_steps says when",
        ["evals_per_epoch"] = "eval_steps says when",
        ["save_only_model"] = Resumes,
        ["save_safetensors"] = "adapters and models are always saved so",
        ["logging_strategy"] = Shown,
        ["model_type"] = Found,
        ["tokenizer_type"] = Found,
        ["is_llama_derived_model"] = Found,
        ["trust_remote_code"] =
            "no code of a model is ever run",
        ["tokenizer_use_fast"] = Found,
        ["rope_scaling"] = Found,
        ["special_tokens"] = "the base's own special tokens are used",
        ["flash_attention"] = Attention,
        ["flash_attn"] = Attention,
        ["xformers_attention"] = Attention,
        ["sdp_attention"] = Attention,
        ["gradient_checkpointing"] = Memory,
        ["gradient_checkpointing_kwargs"] = Memory,
        ["use_unsloth"] = Memory,
        ["deepspeed"] = OneProcess,
        ["fsdp"] = OneProcess,
        ["fsdp_config"] = OneProcess,
        ["local_rank"] = OneProcess,
        ["ddp_timeout"] =
            OneProcess,
        ["preprocessing_num_workers"] = Loading,
        ["dataloader_num_workers"] = Loading,
        ["dataset_processes"] = Loading,
        ["dataset_prepared_path"] = Loading,
        ["dataset_dir"] = "paths of sources are relative to the data root",
        ["streaming"] = Loading,
        ["pad_to_sequence_len"] = "rows are padded to the longest of their micro-batch, and packed where that is faster",
        ["eval_sample_packing"] = "rows are packed wherever the device gains by it",
        ["packing"] =
            "rows are packed wherever the device gains by it",
        ["per_device_eval_batch_size"] = "a validation takes the micro-batch that fits",
        ["eval_batch_size"] =
            "a validation takes the micro-batch that fits",
        ["tf32"] = "products of float32 are computed in float32",
        ["hub_model_id"] = "nothing is uploaded",
        ["push_to_hub"] = "nothing is uploaded",
        ["hub_strategy"] = "nothing is uploaded",
        ["strict"] = "what isn't understood is always told",
        ["lora_model_dir"] = Fresh,
        ["adapter_name_or_path"] = Fresh,
        ["lora_fan_in_fan_out"] = "the families here keep their weights as [out, in]",
        ["save_first_step"] = "save_steps says when",
    };

    public static IEnumerable<string> Keys => s_reasons.Keys;

    public static string Reason(string key) => s_reasons.GetValueOrDefault(key, "nothing here answers to it");
}
