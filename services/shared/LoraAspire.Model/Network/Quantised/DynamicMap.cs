namespace LoraAspire.Model.Network.Quantised;

/// <summary>
/// The 256 values of bitsandbytes' signed dynamic map (Dettmers 2015: a tree of exponents of ten, each with twice the fractions of the one
/// below it), which NF4's own scales are quantised to.
/// </summary>
internal static class DynamicMap
{
    /// <summary>Scales that share a scale of their own.</summary>
    public const int Block = 256;

    private const int Exponents = 7;

    /// <summary>Ascending.</summary>
    public static readonly float[] Values = Make();

    private static readonly float[] s_midpoints = Nf4Table.Halfway(Values);

    /// <summary>The code of the value nearest to <paramref name="x"/>.</summary>
    public static byte Nearest(float x)
    {
        var found = Array.BinarySearch(s_midpoints, x);
        return (byte)(found < 0 ? ~found : found); // on a midpoint it is the lower one, as everywhere
    }

    /// <summary>Of exponent −6 + i: the middles of 2^i equal parts of 0.1 to 1, both signs; then 0 and 1.</summary>
    private static float[] Make()
    {
        List<float> values = [0, 1];
        for (var i = 0; i < Exponents; i++)
        {
            var parts = 1 << i;
            var power = Math.Pow(10, i - (Exponents - 1));
            for (var part = 0; part < parts; part++)
            {
                var middle = (float)(power * (0.1 + (0.9 * (part + 0.5) / parts)));
                values.AddRange([middle, -middle]);
            }
        }
        return [.. values.Order()];
    }
}
