using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace LoraAspire.Model;

/// <summary>The settings of a LoRA adapter that decide its numbers; PEFT's adapter_config.json.</summary>
public sealed record LoraConfig(int R, double LoraAlpha, double LoraDropout, IReadOnlyList<string> TargetModules, bool UseRslora = false)
{
    public const string FileName = "adapter_config.json";

    /// <summary>The word for every linear layer but the head.</summary>
    public const string AllLinear = "all-linear";

    public string BaseModelNameOrPath { get; init; } = "";

    /// <summary>DoRA (Liu et al. 2024): each output's weight has the adapter's direction and a trained length.</summary>
    public bool UseDora { get; init; }

    /// <summary>Ranks and alphas of layers whose path, or its end, a regular expression matches; the first that does counts.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();

    /// <summary>Modules trained whole and saved with the adapter: embed_tokens, lm_head.</summary>
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    /// <summary>Decoder layers that get adapters; null is all.</summary>
    public IReadOnlyList<int>? LayersToTransform { get; init; }

    public int RankOf(string layer) => Matching(RankPattern, layer, R);

    /// <summary>What multiplies B·A of a layer: alpha / r, with rsLoRA alpha / √r (Kalajdzievski 2023).</summary>
    public double ScaleOf(string layer)
    {
        var (alpha, rank) = (Matching(AlphaPattern, layer, LoraAlpha), RankOf(layer));
        return UseRslora ? alpha / Math.Sqrt(rank) : alpha / rank;
    }

    /// <summary>The scale of a layer that no pattern matches.</summary>
    public double Scale => ScaleOf("");

    /// <summary>PEFT's rule: a target matches a layer of that name, or one whose path ends in it.</summary>
    public bool Targets(string layer) =>
        (LayersToTransform is null || LayersToTransform.Any(index => layer.Contains($".layers.{index}.", StringComparison.Ordinal)))
        && (TargetModules is [AllLinear] || TargetModules.Any(target => layer == target || layer.EndsWith("." + target, StringComparison.Ordinal)));

    /// <summary>PEFT's get_pattern_key: the whole path, or what stands behind one of its dots.</summary>
    private static T Matching<T>(IReadOnlyDictionary<string, T> patterns, string layer, T otherwise)
    {
        foreach (var (pattern, value) in patterns)
        {
            try
            {
                if (Regex.IsMatch(layer, $@"^(?:.*\.)?(?:{pattern})$", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1)))
                {
                    return value;
                }
            }
            catch (Exception error) when (error is ArgumentException or RegexMatchTimeoutException)
            {
                throw new ModelException($"rank_pattern or alpha_pattern: '{pattern}' is no regular expression that can be used: {error.Message}", error);
            }
        }
        return otherwise;
    }

    /// <summary>Fields that change an adapter's numbers in ways this code doesn't compute, with the value that changes nothing.</summary>
    private static readonly (string Field, Func<JsonNode, bool> IsNeutral)[] MustBeNeutral =
    [
        ("fan_in_fan_out", node => !node.GetValue<bool>()),
        ("lora_bias", node => !node.GetValue<bool>()),
        ("bias", node => node.GetValue<string>() == "none"),
        ("layers_pattern", node => node is JsonArray { Count: 0 }),
        ("exclude_modules", node => node is JsonArray { Count: 0 }),
        ("layer_replication", node => node is JsonArray { Count: 0 }),
        ("alora_invocation_tokens", node => node is JsonArray { Count: 0 }),
        ("enable_lora", _ => false),
        ("use_qalora", node => !node.GetValue<bool>()),
        ("arrow_config", _ => false),
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
                UseDora = json["use_dora"]?.GetValue<bool>() ?? false,
                RankPattern = Values<int>(json["rank_pattern"]),
                AlphaPattern = Values<double>(json["alpha_pattern"]),
                ModulesToSave = json["modules_to_save"]?.AsArray().Select(item => item!.GetValue<string>()).ToArray() ?? [],
                LayersToTransform = json["layers_to_transform"] switch
                {
                    null => null,
                    JsonArray layers => layers.Select(item => item!.GetValue<int>()).ToArray(),
                    var layer => [layer.GetValue<int>()],
                },
            };
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or NullReferenceException or FormatException)
        {
            throw new ModelException($"{path}: not an adapter's settings: {error.Message}", error);
        }
    }

    private static Dictionary<string, T> Values<T>(JsonNode? map) => map?.AsObject().ToDictionary(pair => pair.Key, pair => pair.Value!.GetValue<T>()) ?? [];

    /// <summary>Writes adapter_config.json as PEFT does: two spaces, sorted keys.</summary>
    public void Save(string directory)
    {
        var json = new SortedDictionary<string, object?>(StringComparer.Ordinal)
        {
            ["alpha_pattern"] = AlphaPattern,
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = BaseModelNameOrPath,
            ["bias"] = "none",
            ["fan_in_fan_out"] = false,
            ["inference_mode"] = true,
            ["init_lora_weights"] = true,
            ["layers_pattern"] = null,
            ["layers_to_transform"] = LayersToTransform,
            ["lora_alpha"] = LoraAlpha,
            ["lora_dropout"] = LoraDropout,
            ["modules_to_save"] = ModulesToSave.Count == 0 ? null : ModulesToSave,
            ["peft_type"] = "LORA",
            ["r"] = R,
            ["rank_pattern"] = RankPattern,
            ["revision"] = null,
            ["target_modules"] = TargetModules is [AllLinear] ? AllLinear : TargetModules,
            ["task_type"] = "CAUSAL_LM",
            ["use_dora"] = UseDora,
            ["use_rslora"] = UseRslora,
        };
        File.WriteAllText(Path.Combine(directory, FileName), JsonSerializer.Serialize(json, new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }
}
