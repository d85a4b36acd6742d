using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.Model.Network;

namespace LoraAspire.Model.Adapters;

/// <summary>The settings of a LoRA adapter, rsLoRA and DoRA among them.</summary>
public sealed record LoraConfig(int R, double LoraAlpha, double LoraDropout, IReadOnlyList<string> TargetModules, bool UseRslora = false)
    : AdapterConfig(TargetModules)
{
    /// <summary>DoRA: each output's weight has the adapter's direction and a trained length.</summary>
    public bool UseDora { get; init; }

    /// <summary>Ranks and alphas of layers whose path, or its end, a regular expression matches; the first that does counts.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();

    public override AdapterKind Kind => UseDora ? Dora.Kind : Lora.Kind;

    public override int RankOf(string layer) => Matching(RankPattern, layer, R);

    /// <summary>What multiplies B·A of a layer: alpha / r, with rsLoRA alpha / √r (Kalajdzievski 2023).</summary>
    public override double ScaleOf(string layer)
    {
        var (alpha, rank) = (Matching(AlphaPattern, layer, LoraAlpha), RankOf(layer));
        return UseRslora ? alpha / Math.Sqrt(rank) : alpha / rank;
    }

    public override double Dropout => LoraDropout;

    internal override void RequireFits(IReadOnlyList<string> layers)
    {
        foreach (var (field, pattern) in RankPattern.Keys.Select(key => ("rank_pattern", key))
            .Concat(AlphaPattern.Keys.Select(key => ("alpha_pattern", key))))
        {
            if (!layers.Any(layer => Matches(pattern, layer)))
            {
                throw new ModelException(
                    $"{field}: '{pattern}' matches none of the layers that get an adapter; their names look like {layers[0]}.");
            }
        }
    }

    private static T Matching<T>(IReadOnlyDictionary<string, T> patterns, string layer, T otherwise)
    {
        foreach (var (pattern, value) in patterns)
        {
            if (Matches(pattern, layer))
            {
                return value;
            }
        }
        return otherwise;
    }

    /// <summary>PEFT's get_pattern_key: the whole path, or what stands behind one of its dots.</summary>
    private static bool Matches(string pattern, string layer)
    {
        try
        {
            return Regex.IsMatch(layer, $@"^(?:.*\.)?(?:{pattern})$", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
        }
        catch (Exception error) when (error is ArgumentException or RegexMatchTimeoutException)
        {
            throw new ModelException(
                $"rank_pattern or alpha_pattern: '{pattern}' is not a regular expression that can be used: {error.Message}", error);
        }
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

    /// <exception cref="ModelException">A setting that this code can't honour.</exception>
    internal static LoraConfig Read(ConfigFields fields)
    {
        foreach (var (field, isNeutral) in MustBeNeutral)
        {
            if (fields.Has(field) && fields.Element.GetProperty(field) is var value && !isNeutral(value))
            {
                throw fields.Refuse(field, $"is {value.GetRawText()}, which is not supported yet");
            }
        }
        double Alpha(string name, double alpha) =>
            Math.Abs(alpha) <= MostAlpha ? alpha : throw fields.Refuse(name, "is too large a number");
        int Rank(JsonElement rank) => rank.GetInt32() is >= 1 and <= MostRank and var fits ? fits
            : throw fields.Refuse("rank_pattern", $"has the rank {rank}; ranks are 1 to {MostRank}");
        return new LoraConfig(
            fields.Size("r", MostRank), Alpha("lora_alpha", fields.Number("lora_alpha") ?? throw fields.Refuse("lora_alpha", "is missing")),
            fields.Number("lora_dropout", above: -double.Epsilon, most: 1) ?? 0, ReadTargets(fields), fields.Flag("use_rslora") ?? false)
        {
            UseDora = fields.Flag("use_dora") ?? false,
            RankPattern = Pattern(fields, "rank_pattern", Rank),
            AlphaPattern = Pattern(fields, "alpha_pattern", alpha => Alpha("alpha_pattern", alpha.GetDouble())),
        };
    }

    /// <summary>In the file's order. Of a key that stands twice the last counts, as in Python.</summary>
    private static Dictionary<string, T> Pattern<T>(ConfigFields fields, string name, Func<JsonElement, T> value)
    {
        Dictionary<string, T> pattern = [];
        foreach (var entry in fields.Object(name)?.Element.EnumerateObject() ?? default)
        {
            pattern[entry.Name] = value(entry.Value);
        }
        return pattern;
    }

    internal override IReadOnlyDictionary<string, object?> OwnFields() => new Dictionary<string, object?>
    {
        ["alpha_pattern"] = AlphaPattern,
        ["bias"] = "none",
        ["fan_in_fan_out"] = false,
        ["init_lora_weights"] = true,
        ["layers_pattern"] = null,
        ["lora_alpha"] = LoraAlpha,
        ["lora_dropout"] = LoraDropout,
        ["r"] = R,
        ["rank_pattern"] = RankPattern,
        ["use_dora"] = UseDora,
        ["use_rslora"] = UseRslora,
    };
}
