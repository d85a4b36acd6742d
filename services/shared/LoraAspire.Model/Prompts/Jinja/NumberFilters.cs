using System.Numerics;

namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Filters about numbers, and default.</summary>
internal static class NumberFilters
{
    public static void Add(Dictionary<string, Filters.Function> all)
    {
        all["int"] = Int;
        all["float"] = Float;
        all["abs"] = (_, value, _) => value is FloatValue real ? new FloatValue(Math.Abs(real.Value)) : value is IntValue or BoolValue
            ? Numbers.Of(BigInteger.Abs(Numbers.Whole(value))) : throw (value as UndefinedValue)?.Refusal()
                ?? new TemplateException($"bad operand type for abs(): '{value.Type}'");
        all["round"] = Round;
        all["default"] = (_, value, arguments) =>
        {
            var given = arguments.Take("default", "default_value", "boolean");
            return value is UndefinedValue || (Filters.Truth(given[1]) && !Sequences.IsTrue(value)) ? given[0] ?? Value.Of("",
                Origin.Template) : value;
        };
    }

    private static Value Int(Interpreter on, Value value, Arguments arguments)
    {
        var given = arguments.Take("int", "default", "base");
        on.Work.Touch(value is StringValue { Text.Value.Length: var length } ? length : 1);
        BigInteger? whole = value switch
        {
            UndefinedValue missing => throw missing.Refusal(),
            IntValue or BoolValue => Numbers.Whole(value),
            FloatValue real when double.IsFinite(real.Value) => new BigInteger(Math.Truncate(real.Value)),
            StringValue text => Numbers.ParseWhole(text.Text.Value, Filters.Whole(given[1]) ?? 10)
                ?? (Numbers.ParseReal(text.Text.Value) is { } real && double.IsFinite(real) ? new BigInteger(Math.Truncate(real)) : null),
            _ => null,
        };
        return whole is { } number ? Numbers.Of(number) : given[0] ?? Value.Of(0);
    }

    private static Value Float(Interpreter on, Value value, Arguments arguments)
    {
        var given = arguments.Take("float", "default");
        on.Work.Touch(value is StringValue { Text.Value.Length: var length } ? length : 1);
        double? real = value switch
        {
            UndefinedValue missing => throw missing.Refusal(),
            StringValue text => Numbers.ParseReal(text.Text.Value),
            _ when Numbers.IsNumber(value) => Numbers.Real(value),
            _ => null,
        };
        return real is { } number ? new FloatValue(number) : given[0] ?? new FloatValue(0);
    }

    private static Value Round(Interpreter on, Value value, Arguments arguments)
    {
        var given = arguments.Take("round", "precision", "method");
        var places = Math.Clamp(Filters.Whole(given[0]) ?? 0, -20, 15);
        var real = Numbers.Real(value is StringValue ? throw new TemplateException("type str doesn't define __round__ method") : value);
        var unit = Math.Pow(10, places);
        var method = given[1] is StringValue text ? text.Text.Value : "common";
        return method switch
        {
            "common" when value is not FloatValue && places >= 0 => value is BoolValue ? Numbers.Of(Numbers.Whole(value)) : value,
            "common" => new FloatValue(places < 0 ? Math.Round(real * unit) / unit : Nearest(real, places)),
            "ceil" => new FloatValue(Math.Ceiling(real * unit) / unit),
            "floor" => new FloatValue(Math.Floor(real * unit) / unit),
            _ => throw new TemplateException("method must be common, ceil or floor"),
        };
    }

    /// <summary>The decimal nearest to the number's exact value, as Python rounds; a tie goes to the even digit.</summary>
    private static double Nearest(double real, int places) => places == 0 || !double.IsFinite(real) ? Math.Round(real)
        : double.Parse(real.ToString("F" + places.ToString(System.Globalization.CultureInfo.InvariantCulture),
            System.Globalization.CultureInfo.InvariantCulture),
            System.Globalization.CultureInfo.InvariantCulture);
}
