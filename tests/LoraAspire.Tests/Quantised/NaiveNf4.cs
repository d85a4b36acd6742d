namespace LoraAspire.Tests.Quantised;

/// <summary>
/// NF4 and its double quantisation by their formulas alone, in float64: of all sixteen values the nearest to w / absmax, of all 256 the
/// nearest to (absmax − mean) / largest. What the code under test is held to.
/// </summary>
internal sealed record NaiveNf4(double[] Values, byte[] Packed, float[] Absmax, byte[] Codes, float[] Nested, float Offset)
{
    /// <summary>As printed in appendix E of Dettmers et al. 2023.</summary>
    public static readonly double[] Table =
    [
        -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
        -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
        0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
    ];

    /// <summary>The signed dynamic map: ±10^(i − 6) times the middles of 2^i equal parts of 0.1 to 1, i from 0 to 6; 0; 1.</summary>
    public static readonly double[] Map = [.. Enumerable.Range(0, 7).SelectMany(i => Enumerable.Range(0, 1 << i)
        .Select(part => Math.Pow(10, i - 6) * (0.1 + (0.9 * (part + 0.5) / (1 << i))))).SelectMany(value => new[] { value, -value })
        .Append(0).Append(1).Order()];

    public static NaiveNf4 Of(float[] weights, bool twice)
    {
        var absmax = weights.Chunk(64).Select(block => block.Max(Math.Abs)).ToArray();
        var codes = weights.Select((weight, i) => absmax[i / 64] == 0 ? 7 : Nearest(Table, (double)weight / absmax[i / 64])).ToArray();
        var packed = codes.Chunk(2).Select(pair => (byte)((pair[0] << 4) | (pair.Length > 1 ? pair[1] : 0))).ToArray();
        var offset = (float)absmax.Average(value => (double)value);
        var nested = absmax.Chunk(256).Select(block => (float)block.Max(value => Math.Abs((double)value - offset))).ToArray();
        var scaleCodes = absmax.Select((value, i) =>
            (byte)Nearest(Map, nested[i / 256] == 0 ? 0 : ((double)value - offset) / nested[i / 256])).ToArray();
        var scales = twice ? [.. scaleCodes.Select((code, i) => (Map[code] * nested[i / 256]) + offset)]
            : absmax.Select(value => (double)value).ToArray();
        return new([.. codes.Select((code, i) => Table[code] * scales[i / 64])], packed, absmax, scaleCodes, nested, offset);
    }

    private static int Nearest(double[] table, double value)
    {
        var best = 0;
        for (var i = 1; i < table.Length; i++)
        {
            best = Math.Abs(table[i] - value) < Math.Abs(table[best] - value) ? i : best;
        }
        return best;
    }
}
