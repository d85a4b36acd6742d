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

    public Initialization InitLoraWeights { get; init; } = Initialization.Plain;

    public override Initialization Start => InitLoraWeights;

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
            return Regex.IsMatch(layer, $@"^(?:.*\.)?(?:{pattern})$", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(5));
        }
        catch (Exception error) when (error is ArgumentException or RegexMatchTimeoutException)
        {
            throw new ModelException(
                $"rank_pattern or alpha_pattern: '{pattern}' is not a regular expression that can be used: {error.Message}", error);
        }
    }

    // PEFT's own are far below.
    private const int MostRank = 1 << 20;
    private const double MostAlpha = 1e12;

    /// <exception cref="ModelException">A setting that this code can't honour.</exception>
    internal static LoraConfig Read(ConfigFields fields)
    {
        PeftField.Require(fields);
        double Alpha(string name, double alpha) =>
            Math.Abs(alpha) <= MostAlpha ? alpha : throw fields.Refuse(name, "is too large a number");
        int Rank(JsonElement rank) =>
            rank.ValueKind == JsonValueKind.Number && rank.TryGetInt32(out var fits) && fits is >= 1 and <= MostRank ? fits
            : throw fields.Refuse("rank_pattern", $"has the rank {rank.GetRawText()}; ranks are whole numbers from 1 to {MostRank}");
        double PatternAlpha(JsonElement alpha) =>
            alpha.ValueKind == JsonValueKind.Number && alpha.TryGetDouble(out var number) ? Alpha("alpha_pattern", number)
            : throw fields.Refuse("alpha_pattern", $"has {alpha.GetRawText()}, which is not a number");
        var config = new LoraConfig(
            fields.Size("r", MostRank), Alpha("lora_alpha", fields.Number("lora_alpha") ?? throw fields.Refuse("lora_alpha", "is missing")),
            fields.Number("lora_dropout", above: -double.Epsilon, most: 1) ?? 0, ReadTargets(fields), fields.Flag("use_rslora") ?? false)
        {
            UseDora = fields.Flag("use_dora") ?? false,
            RankPattern = Pattern(fields, "rank_pattern", Rank),
            AlphaPattern = Pattern(fields, "alpha_pattern", PatternAlpha),
            InitLoraWeights = Initialization.Read(fields),
        };
        return config.Start != Initialization.Pissa || config.AlphaPattern.Values.Append(config.LoraAlpha).All(alpha => alpha > 0) ? config
            : throw fields.Refuse("lora_alpha", "or one of alpha_pattern is not above 0, and init_lora_weights 'pissa' divides by it");
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
        ["init_lora_weights"] = Start.ChangesBase ? Start.Name : true,
        ["layers_pattern"] = null,
        ["lora_alpha"] = LoraAlpha,
        ["lora_dropout"] = LoraDropout,
        ["r"] = R,
        ["rank_pattern"] = RankPattern,
        ["use_dora"] = UseDora,
        ["use_rslora"] = UseRslora,
    };
}
