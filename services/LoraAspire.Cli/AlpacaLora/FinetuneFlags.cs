using System.Text.Json;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml.Schemas;

namespace LoraAspire.Cli.AlpacaLora;

/// <summary>
/// The flags of alpaca-lora's finetune.py, and, beside them, every plain setting of data-build and trainer under its name.
/// </summary>
internal static class FinetuneFlags
{
    public const string BaseModel = "base_model", DataPath = "data_path", OutputDir = "output_dir", Resume = "resume_from_checkpoint",
        Template = "prompt_template_name";

    /// <summary>What <see cref="Template"/> is in finetune.py where it isn't given, and what stands there for a base's own.</summary>
    public const string UsualTemplate = DataBuildParams.UsualTemplate, ChatTemplate = DataBuildParams.ChatTemplate;

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
        .. OptionTypes.Properties(parameters).Where(property => IsPlain(property.PropertyType))
            .Select(property => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name)),
    ];

    /// <summary>What can be written on one line of flags: a value, a list or a dict of some.</summary>
    private static bool IsPlain(Type type) =>
        !OptionTypes.IsNested(type) && type.GetGenericArguments().All(argument => !OptionTypes.IsNested(argument));
}
