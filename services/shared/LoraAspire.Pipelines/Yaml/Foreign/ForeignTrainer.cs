using LoraAspire.Pipelines.Stages;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml.Foreign;

/// <summary>Trainers whose configuration files people bring, and how each is told from a pipeline.</summary>
/// <param name="Defaults">What it does where its file is silent and a pipeline would do something else.</param>
internal sealed record ForeignTrainer(string Name, IReadOnlyList<(StageKind Kind, string Key, string Value)> Defaults)
{
    public static readonly ForeignTrainer Axolotl = new("axolotl",
    [
        (StageKinds.DataBuild, "train_on_inputs", "false"), (StageKinds.DataBuild, "cutoff_len", "512"),
        (StageKinds.Trainer, "micro_batch_size", "1"), (StageKinds.Trainer, "batch_size", "1"), (StageKinds.Trainer, "num_epochs", "1"),
        (StageKinds.Trainer, "lora_dropout", "0"), (StageKinds.Trainer, "val_set_size", "0"),
    ]);

    public static readonly ForeignTrainer LlamaFactory = new("LLaMA-Factory",
    [
        (StageKinds.DataBuild, "train_on_inputs", "false"), (StageKinds.DataBuild, "cutoff_len", "2048"),
        (StageKinds.Trainer, "micro_batch_size", "8"), (StageKinds.Trainer, "batch_size", "8"), (StageKinds.Trainer, "learning_rate",
            "5e-5"),
        (StageKinds.Trainer, "warmup_steps", "0"), (StageKinds.Trainer, "lora_dropout", "0"),
        (StageKinds.Trainer, "lora_target_modules", "all-linear"), (StageKinds.Trainer, "val_set_size", "0"),
    ]);

    /// <summary>Its defaults are a pipeline's own, but for the template: a pipeline takes the base's own where it brings one.</summary>
    public static readonly ForeignTrainer AlpacaLora = new("alpaca-lora",
        [(StageKinds.DataBuild, "prompt_template_name", DataBuildParams.UsualTemplate)]);

    private static readonly string[] s_llamaFactory =
        ["stage", "finetuning_type", "dataset", "template", "do_train", "adapter_name_or_path"];

    /// <summary>Null for what is none of them: a pipeline has stages, and nobody else has.</summary>
    public static ForeignTrainer? Of(YamlMappingNode root)
    {
        bool Has(string key) => root.Children.Keys.Any(node => Binder.Text(node) == key);
        return Has("stages") ? null
            : Has("base_model") && Has("datasets") ? Axolotl
            : Has("base_model") && Has("data_path") ? AlpacaLora
            : Has("model_name_or_path") && s_llamaFactory.Any(Has) ? LlamaFactory
            : null;
    }
}
