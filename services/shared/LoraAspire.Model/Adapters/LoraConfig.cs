using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.Model.Network;

namespace LoraAspire.Model.Adapters;

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
    private static readonly (string Field, Func<JsonElement, bool> IsNeutral)[] MustBeNeutral =
    [
        ("fan_in_fan_out", value => !value.GetBoolean()),
        ("lora_bias", value => !value.GetBoolean()),
        ("bias", value => value.GetString() == "none"),
        ("layers_pattern", IsEmptyList),
        ("exclude_modules", IsEmptyList),
        ("layer_replication", IsEmptyList),
        ("alora_invocation_tokens", IsEmptyList),
        ("enable_lora", _ => false),
        ("use_qalora", value => !value.GetBoolean()),
        ("arrow_config", _ => false),
        ("trainable_token_indices", _ => false),
        ("target_parameters", IsEmptyList),
    ];

    private static bool IsEmptyList(JsonElement value) => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0;

    // PEFT's own are far below.
    private const int MostRank = 1 << 20;
    private const double MostAlpha = 1e12;

    /// <exception cref="ModelException">No such file, broken, or a setting that this code can't honour; the message names it.</exception>
    public static LoraConfig Load(string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
        {
            throw new ModelException($"No {FileName} in {directory}: it is not an adapter's folder.");
        }
        return JsonFile.Read(path, "adapter configuration", root => Read(new ConfigFields(root, path)));
    }

    private static LoraConfig Read(ConfigFields config)
    {
        if (config.Text("peft_type") is { } type && type != "LORA")
        {
            throw config.Refuse("peft_type", $"is '{type}'; only LORA is supported");
        }
        foreach (var (field, isNeutral) in MustBeNeutral)
        {
            if (config.Has(field) && config.Element.GetProperty(field) is var value && !isNeutral(value))
            {
                throw config.Refuse(field, $"is {value.GetRawText()}, which is not supported yet");
            }
        }
        double Alpha(string name, double alpha) => Math.Abs(alpha) <= MostAlpha ? alpha : throw config.Refuse(name, "is too large a number");
        int Rank(JsonElement rank) => rank.GetInt32() is >= 1 and <= MostRank and var fits ? fits : throw config.Refuse("rank_pattern", $"has the rank {rank}; ranks are 1 to {MostRank}");
        return new LoraConfig(
            config.Size("r", MostRank), Alpha("lora_alpha", config.Number("lora_alpha") ?? throw config.Refuse("lora_alpha", "is missing")),
            config.Number("lora_dropout", above: -double.Epsilon, most: 1) ?? 0, Targets(config), config.Flag("use_rslora") ?? false)
        {
            BaseModelNameOrPath = config.Text("base_model_name_or_path") ?? "",
            UseDora = config.Flag("use_dora") ?? false,
            RankPattern = Pattern(config, "rank_pattern", Rank),
            AlphaPattern = Pattern(config, "alpha_pattern", alpha => Alpha("alpha_pattern", alpha.GetDouble())),
            ModulesToSave = config.Texts("modules_to_save") ?? [],
            LayersToTransform = !config.Has("layers_to_transform") ? null : config.Element.GetProperty("layers_to_transform") switch
            {
                { ValueKind: JsonValueKind.Array } layers => [.. layers.EnumerateArray().Select(layer => layer.GetInt32())],
                var layer => [layer.GetInt32()],
            },
        };
    }

    private static string[] Targets(ConfigFields config) =>
        !config.Has("target_modules") ? throw config.Refuse("target_modules", "is missing")
        : config.Element.GetProperty("target_modules").ValueKind == JsonValueKind.Array ? config.Texts("target_modules")!
        : [config.Text("target_modules")!];

    /// <summary>In the file's order. Of a key that stands twice the last counts, as in Python.</summary>
    private static Dictionary<string, T> Pattern<T>(ConfigFields config, string name, Func<JsonElement, T> value)
    {
        Dictionary<string, T> pattern = [];
        foreach (var entry in config.Object(name)?.Element.EnumerateObject() ?? default)
        {
            pattern[entry.Name] = value(entry.Value);
        }
        return pattern;
    }

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
