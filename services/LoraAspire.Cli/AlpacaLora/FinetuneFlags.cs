using System.Text.Json;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Cli.AlpacaLora;

/// <summary>
/// The flags of alpaca-lora's finetune.py, and, beside them, every plain setting of data-build and trainer under its name.
/// </summary>
internal static class FinetuneFlags
{
    public const string BaseModel = "base_model", DataPath = "data_path", OutputDir = "output_dir", Resume = "resume_from_checkpoint",
        Template = "prompt_template_name";

    /// <summary>Settings that can't be written on one line of flags.</summary>
    private static readonly string[] s_nested = ["sources", "held_out", "writer", "dedup"];

    public static IReadOnlyList<string> Own { get; } =
    [
        BaseModel, DataPath, OutputDir, "batch_size", "micro_batch_size", "num_epochs", "learning_rate", "cutoff_len", "val_set_size",
        "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "train_on_inputs", "add_eos_token", "group_by_length",
        "wandb_project", "wandb_run_name", "wandb_watch", "wandb_log_model", Resume, Template,
    ];

    public static IReadOnlyList<string> Data { get; } = Of(typeof(DataBuildParams));

    public static IReadOnlyList<string> Trainer { get; } = Of(typeof(TrainerParams));

    public static IReadOnlyCollection<string> Known { get; } = [.. Own.Union(Data).Union(Trainer)];

    private static List<string> Of(Type parameters) =>
    [
        .. parameters.GetProperties().Where(property => property.CanWrite)
            .Select(property => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name)).Except(s_nested),
    ];
}
