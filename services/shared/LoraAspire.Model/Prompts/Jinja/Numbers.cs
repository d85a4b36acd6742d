using System.Globalization;
using System.Numerics;

namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Python's arithmetic: whole numbers of any size (up to a limit), floor division, a remainder with the divisor's sign.</summary>
internal static class Numbers
{
    public static bool IsNumber(Value value) => value is IntValue or FloatValue or BoolValue;

    public static BigInteger Whole(Value value) => value switch
    {
        IntValue number => number.Value,
        BoolValue truth => truth.Value ? 1 : 0,
        UndefinedValue missing => throw missing.Refusal(),
        _ => throw new TemplateException($"'{value.Type}' object cannot be interpreted as an integer"),
    };

    /// <summary>A count or an index, the nearest that fits.</summary>
    public static int Small(Value value) => (int)BigInteger.Min(BigInteger.Max(Whole(value), -int.MaxValue), int.MaxValue);

    public static double Real(Value value) => value switch
    {
        FloatValue number => number.Value,
        UndefinedValue missing => throw missing.Refusal(),
        _ when (double)Whole(value) is var real && double.IsFinite(real) => real,
        _ => throw new TemplateException("int too large to convert to float"),
    };

    public static Value Of(BigInteger value) => value.GetBitLength() <= TemplateLimits.NumberBits
        ? new IntValue(value) : throw new TemplateException($"a number of more than {TemplateLimits.NumberBits} bits");

    public static int? Compare(Value a, Value b)
    {
        if (a is FloatValue || b is FloatValue)
        {
            var (one, other) = (Real(a), Real(b));
            return double.IsNaN(one) || double.IsNaN(other) ? null : one.CompareTo(other);
        }
        return Whole(a).CompareTo(Whole(b));
    }

    public static Value Apply(string op, Value left, Value right)
    {
        if (op == "/" || left is FloatValue || right is FloatValue)
        {
            return Real(op, Real(left), Real(right));
        }
        var (a, b) = (Whole(left), Whole(right));
        return op switch
        {
            "+" => Of(a + b),
            "-" => Of(a - b),
            "*" => Of(a * b),
            "//" => Of(b.IsZero ? throw ByZero("integer division or modulo by zero") : Floor(a, b)),
            "%" => Of(b.IsZero ? throw ByZero("integer modulo by zero") : a - (Floor(a, b) * b)),
            _ => Power(a, b),
        };
    }

    public static Value Negate(Value value, bool isMinus) => value switch
    {
        FloatValue number => new FloatValue(isMinus ? -number.Value : number.Value),
        IntValue or BoolValue => Of(isMinus ? -Whole(value) : Whole(value)),
        UndefinedValue missing => throw missing.Refusal(),
        _ => throw new TemplateException($"bad operand type for unary {(isMinus ? '-' : '+')}: '{value.Type}'"),
    };

    /// <summary>Python's int(text): blanks around it, a sign, single _ between digits.</summary>
    public static BigInteger? ParseWhole(string text, int numbers = 10)
    {
        var digits = Python(text);
        var minus = digits.StartsWith('-');
        digits = digits.Length > 0 && digits[0] is '-' or '+' ? digits[1..] : digits;
        var prefix = numbers switch { 16 => "x", 8 => "o", 2 => "b", _ => "" };
        digits = prefix.Length > 0 && digits.StartsWith("0" + prefix, StringComparison.OrdinalIgnoreCase) ? digits[2..] : digits;
        if (digits.Length is 0 or > 1000 || numbers is < 2 or > 36)
        {
            return null;
        }
        BigInteger sum = 0;
        foreach (var letter in digits)
        {
            var digit = char.IsAsciiDigit(letter) ? letter - '0' : char.IsAsciiLetter(letter) ? char.ToLowerInvariant(letter) - 'a' + 10
                : int.MaxValue;
            if (digit >= numbers)
            {
                return null;
            }
            sum = (sum * numbers) + digit;
        }
        return minus ? -sum : sum;
    }

    public static double? ParseReal(string text)
    {
        var digits = Python(text).ToLowerInvariant();
        var bare = digits.TrimStart('-', '+');
        if (bare is "inf" or "infinity" or "nan")
        {
            return bare == "nan" ? double.NaN : digits[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
        }
        return digits.AsSpan().IndexOfAnyExcept("0123456789+-.e") < 0 && digits.Length < 1000
            && double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) ? real : null;
    }

    private static string Python(string text)
    {
        var bare = new Text(text, Origin.Data).Strip(null).Value;
        return bare.StartsWith('_') || bare.EndsWith('_') || bare.Contains("__", StringComparison.Ordinal) ? "" : bare.Replace("_", "",
            StringComparison.Ordinal);
    }

    private static FloatValue Real(string op, double a, double b) => new(op switch
    {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => b == 0 ? throw ByZero("division by zero") : a / b,
        "//" => b == 0 ? throw ByZero("float floor division by zero") : Math.Floor(a / b),
        "%" => b == 0 ? throw ByZero("float modulo") : a - (b * Math.Floor(a / b)),
        _ => Math.Pow(a, b),
    });

    private static Value Power(BigInteger a, BigInteger b)
    {
        if (b < 0)
        {
            return a.IsZero ? throw ByZero("0.0 cannot be raised to a negative power") : new FloatValue(Math.Pow((double)a, (double)b));
        }
        return a.IsZero || a.IsOne ? Of(b.IsZero ? 1 : a) : a == -1 ? Of(b.IsEven ? 1 : -1)
            : b * (BigInteger.Abs(a).GetBitLength() - 1) > TemplateLimits.NumberBits
                ? throw new TemplateException($"a number of more than {TemplateLimits.NumberBits} bits")
            : Of(BigInteger.Pow(a, (int)b));
    }

    private static BigInteger Floor(BigInteger a, BigInteger b)
    {
        var quotient = BigInteger.DivRem(a, b, out var rest);
        return !rest.IsZero && (rest.Sign < 0) != (b.Sign < 0) ? quotient - 1 : quotient;
    }

    private static TemplateException ByZero(string words) => new(words);
}
