namespace LoraAspire.Model.Network;

/// <summary>
/// How rotary frequencies are scaled beyond the context a model was made for; the names are those of config.json's <c>rope_type</c>, the
/// formulas those of transformers' modeling_rope_utils.
/// </summary>
public sealed record RopeScaling(
    string RopeType, double Factor = 1, double LowFreqFactor = 1, double HighFreqFactor = 4, int OriginalMaxPositionEmbeddings = 0)
{
    /// <summary>yarn: what cos and sin are multiplied by, which scales attention's logits by its square.</summary>
    public double AttentionFactor { get; init; } = 1;

    /// <summary>yarn: frequencies of more turns than this in the original context stay as they are…</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>…those of fewer than this are divided by the factor, and a ramp lies between.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>yarn: the ramp begins and ends on whole dimensions.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>Frequencies that depend on the row's length, beyond the original context.</summary>
    public bool IsDynamic => RopeType == "dynamic";

    /// <summary>yarn's attention factor where none is given: 0.1·m·ln(factor) + 1; with two values of m (DeepSeek) the ratio.</summary>
    public static double YarnAttentionFactor(double factor, double? mscale, double? mscaleAllDim)
    {
        double At(double m) => factor <= 1 ? 1 : (0.1 * m * Math.Log(factor)) + 1;
        return mscale is > 0 && mscaleAllDim is > 0 ? At(mscale.Value) / At(mscaleAllDim.Value) : At(1);
    }

    /// <summary>The turn of each pair of dimensions per position [dim / 2]: theta^(−2i / dim), scaled.</summary>
    /// <param name="positions">dynamic: the row's length, or max_position_embeddings when that is more.</param>
    public float[] InverseFrequencies(double theta, int dim, int positions)
    {
        if (IsDynamic)
        {
            // A larger base, so that the slowest pair turns as far over the longer row as it did over the original context.
            theta *= Math.Pow((Factor * positions / OriginalMaxPositionEmbeddings) - (Factor - 1), dim / (dim - 2.0));
        }
        var (low, high) = RopeType == "yarn" ? YarnRamp(theta, dim) : (0, 0);
        var frequencies = new float[dim / 2];
        for (var i = 0; i < frequencies.Length; i++)
        {
            var frequency = 1f / MathF.Pow((float)theta, 2f * i / dim);
            frequencies[i] = RopeType switch
            {
                "linear" => (float)(frequency / Factor),
                "llama3" => Llama3(frequency),
                "yarn" => Yarn(frequency, Math.Clamp((i - low) / (high - low), 0, 1)),
                _ => frequency,
            };
        }
        return frequencies;
    }

    /// <summary>Meta's three branches by wavelength.</summary>
    private float Llama3(float frequency)
    {
        var wavelength = 2 * Math.PI / frequency;
        var turns = OriginalMaxPositionEmbeddings / wavelength; // full turns within the original context
        if (turns > HighFreqFactor)
        {
            return frequency;
        }
        if (turns < LowFreqFactor)
        {
            return (float)(frequency / Factor);
        }
        var smooth = (turns - LowFreqFactor) / (HighFreqFactor - LowFreqFactor);
        return (float)(((1 - smooth) * frequency / Factor) + (smooth * frequency));
    }

    /// <summary>YaRN (Peng et al. 2023), "NTK by parts": a ramp of 0 keeps the frequency, of 1 interpolates it.</summary>
    private float Yarn(float frequency, double ramp) => (float)((frequency / Factor * ramp) + (frequency * (1 - ramp)));

    private (double Low, double High) YarnRamp(double theta, int dim)
    {
        double DimensionOf(double turns) => dim * Math.Log(OriginalMaxPositionEmbeddings / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
        double low = DimensionOf(BetaFast), high = DimensionOf(BetaSlow);
        if (Truncate)
        {
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        }
        (low, high) = (Math.Max(low, 0), Math.Min(high, dim - 1));
        return (low, low == high ? high + 0.001 : high);
    }
}
