using System.Text.Json;
using LoraAspire.Model.Network;

namespace LoraAspire.Model.Adapters;

/// <summary>A field of PEFT's adapter_config.json for LoRA, and what becomes of it; docs/training.md has the same table.</summary>
/// <param name="What">For the table. Of a refused field: why.</param>
/// <param name="Harmless">Values that change nothing; null where the field is used, or changes nothing whatever it says.</param>
internal sealed record PeftField(string Name, string What, Func<JsonElement, bool>? Harmless = null)
{
    /// <summary>Those of PEFT up to 0.21, and three that ms-swift adds (lora_dtype, lorap_*: how it trained).</summary>
    public static IReadOnlyList<PeftField> All { get; } =
    [
        new("peft_type", "`LORA`; others are refused"),
        new("r", "used"),
        new("lora_alpha", "used"),
        new("lora_dropout", "used in training"),
        new("rank_pattern", "used"),
        new("alpha_pattern", "used"),
        new("use_rslora", "used"),
        new("use_dora", "used"),
        new("init_lora_weights", "used; see below"),
        new("target_modules", "kept: names, `all-linear` or a regular expression. The tensors name their layers"),
        new("exclude_modules", Named),
        new("layers_to_transform", Named),
        new("layers_pattern", Named),
        new("modules_to_save", "used: what the file holds under these names takes the place of the base's"),
        new("ensure_weight_tying", "used: `embed_tokens` of `modules_to_save` is the head's weight too, where the base ties them"),
        new("base_model_name_or_path", "kept"),
        new("auto_mapping", NoMatter),
        new("corda_config", NoMatter),
        new("eva_config", NoMatter),
        new("inference_mode", NoMatter),
        new("loftq_config", NoMatter),
        new("lora_dtype", NoMatter),
        new("lora_ga_config", NoMatter),
        new("lorap_emb_lr", NoMatter),
        new("lorap_lr_ratio", NoMatter),
        new("megatron_core", NoMatter),
        new("peft_version", NoMatter),
        new("qalora_group_size", NoMatter),
        new("revision", NoMatter),
        new("runtime_config", NoMatter),
        new("task_type", NoMatter),
        Refused("fan_in_fan_out", "its layers keep their weights as [in, out]"),
        Refused("alora_invocation_tokens", "it acts behind certain tokens only (aLoRA), which no merged weight does"),
        Refused("arrow_config", "it mixes several adapters, token by token (Arrow)"),
        new("bias", "refused, but for `none`: trained biases aren't computed", value => value.ValueKind == JsonValueKind.String
            && value.ValueEquals("none")),
        Refused("enable_lora", "a fused layer that is adapted in part isn't computed"),
        Refused("kasa_config", "it cuts singular values out of the base (KaSA)"),
        Refused("layer_replication", "its model has layers that the base doesn't have"),
        Refused("lora_bias", "a bias on B isn't computed"),
        Refused("megatron_config", "its layers are Megatron's parallel ones"),
        Refused("monteclora_config", "it draws its weights by chance (MonteCLoRA)"),
        Refused("target_parameters", "adapters on bare parameters aren't computed"),
        Refused("trainable_token_indices", "single trained rows of the embedding aren't computed"),
        Refused("use_bdlora", "block-diagonal pairs aren't computed (BD-LoRA)"),
        Refused("use_qalora", "inputs that are averaged in groups aren't computed (QA-LoRA)"),
        Refused("velora_config", "its compressed training isn't computed (VeLoRA)"),
    ];

    private const string Named = "accepted: it chooses layers, which the tensors name already";
    private const string NoMatter = "of no matter: it changes no number of a saved adapter";

    private static PeftField Refused(string name, string why) => new(name, $"refused where it is set: {why}", IsUnset);

    /// <summary>null, false, 0, "" and nothing in brackets.</summary>
    private static bool IsUnset(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.String => value.ValueEquals(""),
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.Number => value.TryGetDouble(out var number) && number == 0,
        _ => false,
    };

    /// <exception cref="ModelException">A field changes the adapter's numbers in a way that isn't computed here, or may, being
    /// unknown.</exception>
    public static void Require(ConfigFields fields)
    {
        foreach (var field in All.Where(field => field.Harmless is not null && fields.Has(field.Name)))
        {
            if (fields.Element.GetProperty(field.Name) is var value && !field.Harmless!(value))
            {
                throw fields.Refuse(field.Name, $"is {Short(value)}, which is not supported: "
                    + field.What[(field.What.IndexOf(": ", StringComparison.Ordinal) + 2)..]);
            }
        }
        foreach (var property in fields.Element.EnumerateObject().Where(property => !IsUnset(property.Value)))
        {
            if (!All.Any(field => property.NameEquals(field.Name)))
            {
                throw fields.Refuse(property.Name, $"is {Short(property.Value)}, and the field isn't known here: it may change what the "
                    + "adapter computes. If it doesn't, set it to null");
            }
        }
    }

    /// <summary>On one line, and no longer than a message bears.</summary>
    private static string Short(JsonElement value)
    {
        var text = string.Join(' ', value.GetRawText().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return text.Length <= 60 ? text : text[..60] + "…";
    }
}
