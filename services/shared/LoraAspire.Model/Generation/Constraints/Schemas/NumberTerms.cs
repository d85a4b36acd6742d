using System.Globalization;
using System.Numerics;
using LoraAspire.Model.Generation.Constraints.Terms;

namespace LoraAspire.Model.Generation.Constraints.Schemas;

/// <summary>Numbers as JSON writes them. Without bounds an integer has up to 18 digits, so that it fits 64 bits.</summary>
internal sealed class NumberTerms(TermTable table)
{
    private const int IntegerDigits = 18, MostDigits = 19, FractionDigits = 20;

    private readonly Term _digit = table.Bytes(ByteSet.Range('0', '9')), _minus = table.Byte('-'), _point = table.Byte('.');

    public Term Integer(NumberFacts facts)
    {
        var unbounded = BigInteger.Pow(10, IntegerDigits) - 1;
        var low = facts.Low?.FirstWhole() ?? -BigInteger.Max(unbounded, 10 * BigInteger.Abs(facts.High?.LastWhole() ?? 0));
        var high = facts.High?.LastWhole() ?? BigInteger.Max(unbounded, 10 * BigInteger.Abs(low));
        return table.Either(
            Whole(BigInteger.Max(low, 0), high),
            table.Then(_minus, Whole(BigInteger.Max(-high, 1), -low)));
    }

    /// <summary>With bounds, without exponents.</summary>
    public Term Number(NumberFacts facts)
    {
        if (!facts.IsSaid)
        {
            var first = table.Bytes(ByteSet.Range('1', '9'));
            var sign = table.Optional(table.Bytes(ByteSet.Of("+-")));
            // Two digits, or three up to 199: a reader that takes numbers as 64-bit floating point gets no infinity.
            var exponent = table.Sequence(table.Bytes(ByteSet.Of("eE")), sign, table.Optional(table.Byte('1')), table.Repeat(_digit, 1, 2));
            return table.Sequence(table.Optional(_minus),
                table.Either(table.Byte('0'), table.Then(first, table.Repeat(_digit, 0, MostDigits - 1))),
                table.Optional(table.Then(_point, table.Repeat(_digit, 1, FractionDigits))), table.Optional(exponent));
        }
        return table.Either(
            Decimal(facts.Low is { Scaled.Sign: >= 0 } low ? low : new(0, false), facts.High),
            table.Then(_minus, Decimal(Negated(facts.High) is { Scaled.Sign: >= 0 } least ? least : new(0, true), Negated(facts.Low))));
    }

    private static NumberBound? Negated(NumberBound? bound) => bound is null ? null : bound with { Scaled = -bound.Scaled };

    private Term Whole(BigInteger low, BigInteger high) => Digits(low, high, (_, _) => table.Empty);

    /// <summary>Numbers from a lower end that isn't negative.</summary>
    private Term Decimal(NumberBound low, NumberBound? high)
    {
        high ??= NumberBound.Of(BigInteger.Pow(10, Math.Max(MostDigits, Written(low.Scaled / NumberBound.One).Length + 1)) - 1);
        if (high.Scaled < low.Scaled)
        {
            return table.Never;
        }
        var (from, to) = (Places(low), Places(high));
        return Digits(low.Scaled / NumberBound.One, high.Scaled / NumberBound.One, (atLow, atHigh) => Fraction(0, atLow, atHigh));

        // What follows the digits before the point: as they are those of an end of the range or not, the digits after it are bound.
        Term Fraction(int i, bool atLow, bool atHigh)
        {
            var mayEnd = !(atLow && (from.Length > i || low.Excluded)) && !(atHigh && to.Length <= i && high.Excluded);
            var end = mayEnd ? table.Empty : table.Never;
            if (i == FractionDigits + NumberBound.Places)
            {
                return end;
            }
            Term more;
            if (!atLow && !atHigh)
            {
                more = table.Repeat(_digit, 1, FractionDigits);
            }
            else
            {
                var (least, most) = (atLow ? At(from, i) : 0, atHigh ? At(to, i) : 9);
                more = Between(least, most, atLow, atHigh, (onLow, onHigh) =>
                    onLow || onHigh ? Fraction(i + 1, onLow, onHigh) : table.Repeat(_digit, 0, FractionDigits));
            }
            return table.Either(end, i == 0 ? table.Then(_point, more) : more);
        }
    }

    private static string Places(NumberBound bound) =>
        (bound.Scaled % NumberBound.One).ToString(CultureInfo.InvariantCulture).PadLeft(NumberBound.Places, '0').TrimEnd('0');

    private static int At(string digits, int i) => i < digits.Length ? digits[i] - '0' : 0;

    private static string Written(BigInteger value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Whole numbers of a range, without zeros in front.</summary>
    /// <param name="tail">What follows, by whether the number is the range's lower end, and its upper one.</param>
    private Term Digits(BigInteger low, BigInteger high, Func<bool, bool, Term> tail)
    {
        List<Term> lengths = [];
        var (first, last) = (Written(low), Written(high));
        for (var length = first.Length; low <= high && length <= last.Length; length++)
        {
            var from = length == first.Length ? first : "1" + new string('0', length - 1);
            var to = length == last.Length ? last : new string('9', length);
            lengths.Add(SameLength(from, to, length == first.Length, length == last.Length));
        }
        return table.Either(lengths);

        Term SameLength(string from, string to, bool isLow, bool isHigh)
        {
            return Walk(0, true, true);

            Term Walk(int at, bool onFrom, bool onTo) =>
                at == from.Length ? tail(onFrom && isLow, onTo && isHigh)
                    : !onFrom && !onTo ? table.Then(table.Repeat(_digit, from.Length - at, from.Length - at), tail(false, false))
                    : Between(onFrom ? At(from, at) : 0, onTo ? At(to, at) : 9, onFrom, onTo, (a, b) => Walk(at + 1, a, b));
        }
    }

    /// <summary>A digit of a range, and what follows it, by whether it is one of the range's ends that count.</summary>
    private Term Between(int least, int most, bool onLow, bool onHigh, Func<bool, bool, Term> then)
    {
        List<Term> ways = [];
        for (var digit = least; digit <= most; digit++)
        {
            var (low, high) = (onLow && digit == least, onHigh && digit == most);
            if (low || high)
            {
                ways.Add(table.Then(table.Byte('0' + digit), then(low, high)));
            }
        }
        var (from, to) = (onLow ? least + 1 : least, onHigh ? most - 1 : most);
        if (from <= to)
        {
            ways.Add(table.Then(table.Bytes(ByteSet.Range('0' + from, '0' + to)), then(false, false)));
        }
        return table.Either(ways);
    }
}
