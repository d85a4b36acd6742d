using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace LoraAspire.Model.Generation.Constraints.Schemas;

/// <summary>An end of a range of numbers, exactly.</summary>
/// <param name="Scaled">The number times 10^<see cref="Places"/>.</param>
/// <param name="Excluded">The number itself is out of the range.</param>
internal sealed record NumberBound(BigInteger Scaled, bool Excluded)
{
    /// <summary>Digits after the point that a bound may have, and before it.</summary>
    public const int Places = 30;

    public static BigInteger One { get; } = BigInteger.Pow(10, Places);

    public static NumberBound Of(BigInteger whole) => new(whole * One, Excluded: false);

    /// <summary>Null where the number has more digits than <see cref="Places"/> before or after the point.</summary>
    public static NumberBound? Of(JsonElement number, bool excluded)
    {
        var parts = number.GetRawText().Split('e', 'E');
        var point = parts[0].IndexOf('.');
        var digits = parts[0].Replace(".", "");
        var exponent = 0;
        if (digits.Length > 3 * Places || (parts.Length > 1
            && !int.TryParse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent))
            || Math.Abs((long)exponent) > 3 * Places)
        {
            return null;
        }
        var shift = Places + exponent - (point < 0 ? 0 : parts[0].Length - point - 1);
        var value = BigInteger.Parse(digits, CultureInfo.InvariantCulture);
        var scaled = shift >= 0 ? value * BigInteger.Pow(10, shift) : value / BigInteger.Pow(10, -shift);
        var isExact = shift >= 0 || scaled * BigInteger.Pow(10, -shift) == value;
        return isExact && BigInteger.Abs(scaled) < One * One ? new(scaled, excluded) : null;
    }

    /// <param name="side">1 for the lower ends of ranges, -1 for the upper ones.</param>
    public static NumberBound? Tighter(NumberBound? a, NumberBound? b, int side) =>
        a is null || b is null ? a ?? b
            : a.Scaled == b.Scaled ? a.Excluded ? a : b
            : (a.Scaled > b.Scaled) == (side > 0) ? a : b;

    /// <summary>The first whole number in a range from here.</summary>
    public BigInteger FirstWhole() => -Floor(-Scaled - (Excluded ? 1 : 0));

    /// <summary>The last whole number in a range up to here.</summary>
    public BigInteger LastWhole() => Floor(Scaled - (Excluded ? 1 : 0));

    private static BigInteger Floor(BigInteger scaled)
    {
        var whole = BigInteger.DivRem(scaled, One, out var rest);
        return rest < 0 ? whole - 1 : whole;
    }
}
