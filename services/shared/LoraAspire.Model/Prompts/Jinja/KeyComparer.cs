using System.Numerics;

namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Python's equality of what may be a key here: strings, numbers (1, 1.0 and True are one key), none.</summary>
internal sealed class KeyComparer : IEqualityComparer<Value>
{
    public static readonly KeyComparer Instance = new();

    public static bool IsKey(Value value) => value is StringValue or IntValue or FloatValue or BoolValue or NoneValue;

    public bool Equals(Value? one, Value? other) => (one, other) switch
    {
        (StringValue a, StringValue b) => a.Text.Value == b.Text.Value,
        (NoneValue, NoneValue) => true,
        _ when one is not null && other is not null && Whole(one) is { } a && Whole(other) is { } b => a == b,
        (FloatValue a, FloatValue b) => a.Value == b.Value,
        _ => false,
    };

    public int GetHashCode(Value value) => value switch
    {
        StringValue text => text.Text.Value.GetHashCode(),
        _ when Whole(value) is { } whole => whole.GetHashCode(),
        FloatValue number => number.Value.GetHashCode(),
        _ => 0,
    };

    private static BigInteger? Whole(Value value) => value switch
    {
        BoolValue truth => truth.Value ? 1 : 0,
        IntValue number => number.Value,
        FloatValue number when double.IsInteger(number.Value) => new BigInteger(number.Value),
        _ => null,
    };
}
