using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraAspire.Model;

/// <summary>The settings of a LoRA adapter that decide its numbers; PEFT's adapter_config.json.</summary>
public sealed record LoraConfig(int R, double LoraAlpha, double LoraDropout, IReadOnlyList<string> TargetModules, bool UseRslora = false)
{
    public const string FileName = "adapter_config.json";

    /// <summary>The word for every linear layer but the head.</summary>
    public const string AllLinear = "all-linear";

    public string BaseModelNameOrPath { get; init; } = "";

    /// <summary>What multiplies B·A: alpha / r, with rsLoRA alpha / √r (Kalajdzievski 2023).</summary>
    public double Scale => UseRslora ? LoraAlpha / Math.Sqrt(R) : LoraAlpha / R;

    /// <summary>PEFT's rule: a target matches a layer of that name, or one whose path ends in it.</summary>
    public bool Targets(string layer) =>
        TargetModules is [AllLinear] || TargetModules.Any(target => layer == target || layer.EndsWith("." + target, StringComparison.Ordinal));

    /// <summary>Fields that change an adapter's numbers in ways this code doesn't compute, with the value that changes nothing.</summary>
    private static readonly (string Field, Func<JsonNode, bool> IsNeutral)[] MustBeNeutral =
    [
        ("use_dora", node => !node.GetValue<bool>()),
        ("fan_in_fan_out", node => !node.GetValue<bool>()),
        ("lora_bias", node => !node.GetValue<bool>()),
        ("bias", node => node.GetValue<string>() == "none"),
        ("modules_to_save", node => node is JsonArray { Count: 0 }),
        ("rank_pattern", node => node is JsonObject { Count: 0 }),
        ("alpha_pattern", node => node is JsonObject { Count: 0 }),
        ("layers_to_transform", _ => false),
        ("enable_lora", _ => false),
        ("trainable_token_indices", _ => false),
        ("target_parameters", node => node is JsonArray { Count: 0 }),
    ];

    /// <exception cref="ModelException">No such file, broken, or a setting that this code can't honour; the message names it.</exception>
    public static LoraConfig Load(string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
        {
            throw new ModelException($"No {FileName} in {directory}: it is not an adapter's folder.");
        }
        try
        {
            var json = JsonNode.Parse(File.ReadAllBytes(path))!.AsObject();
            if (json["peft_type"]?.GetValue<string>() is { } type && type != "LORA")
            {
                throw new ModelException($"{path}: peft_type is '{type}'; only LORA is supported.");
            }
            foreach (var (field, isNeutral) in MustBeNeutral)
            {
                if (json[field] is { } value && !isNeutral(value))
                {
                    throw new ModelException($"{path}: '{field}' is {value.ToJsonString()}, which is not supported yet.");
                }
            }
            var targets = json["target_modules"] is JsonArray list ? list.Select(item => item!.GetValue<string>()).ToArray() : [json["target_modules"]!.GetValue<string>()];
            return new LoraConfig(
                json["r"]!.GetValue<int>(), json["lora_alpha"]!.GetValue<double>(), json["lora_dropout"]?.GetValue<double>() ?? 0,
                targets, json["use_rslora"]?.GetValue<bool>() ?? false)
            {
                BaseModelNameOrPath = json["base_model_name_or_path"]?.GetValue<string>() ?? "",
            };
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or NullReferenceException or FormatException)
        {
            throw new ModelException($"{path}: not an adapter's settings: {error.Message}", error);
        }
    }

    /// <summary>Writes adapter_config.json as PEFT does: two spaces, sorted keys.</summary>
    public void Save(string directory)
    {
        var json = new SortedDictionary<string, object?>(StringComparer.Ordinal)
        {
            ["alpha_pattern"] = new JsonObject(),
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = BaseModelNameOrPath,
            ["bias"] = "none",
            ["fan_in_fan_out"] = false,
            ["inference_mode"] = true,
            ["init_lora_weights"] = true,
            ["layers_pattern"] = null,
            ["layers_to_transform"] = null,
            ["lora_alpha"] = LoraAlpha,
            ["lora_dropout"] = LoraDropout,
            ["modules_to_save"] = null,
            ["peft_type"] = "LORA",
            ["r"] = R,
            ["rank_pattern"] = new JsonObject(),
            ["revision"] = null,
            ["target_modules"] = TargetModules is [AllLinear] ? AllLinear : TargetModules,
            ["task_type"] = "CAUSAL_LM",
            ["use_dora"] = false,
            ["use_rslora"] = UseRslora,
        };
        File.WriteAllText(Path.Combine(directory, FileName), JsonSerializer.Serialize(json, new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }
}
