namespace LoraAspire.Model.Network.Quantised;

/// <summary>
/// NF4's sixteen values (Dettmers et al. 2023, appendix E), and which of them is nearest to a number from −1 to 1. They are the ones that
/// bitsandbytes writes into its files.
/// </summary>
internal static class Nf4Table
{
    /// <summary>Weights that share a scale, one after another through the tensor.</summary>
    public const int Block = 64;

    public static ReadOnlySpan<float> Values =>
    [
        -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
        -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
        0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f,
    ];

    /// <summary>[15] Midpoints: a number above the i-th is nearer to value i + 1.</summary>
    public static readonly float[] Midpoints = Halfway(Values);

    /// <summary>The code of the value nearest to <paramref name="x"/>.</summary>
    public static int Nearest(float x)
    {
        var code = 0;
        foreach (var midpoint in Midpoints)
        {
            code += x > midpoint ? 1 : 0;
        }
        return code;
    }

    /// <summary>Halfway between each two neighbours of an ascending list.</summary>
    internal static float[] Halfway(ReadOnlySpan<float> values)
    {
        var midpoints = new float[values.Length - 1];
        for (var i = 0; i < midpoints.Length; i++)
        {
            midpoints[i] = (float)(((double)values[i] + values[i + 1]) / 2);
        }
        return midpoints;
    }
}
