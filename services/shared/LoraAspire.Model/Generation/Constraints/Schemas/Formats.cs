namespace LoraAspire.Model.Generation.Constraints.Schemas;

/// <summary>The formats that answers can be held to.</summary>
internal static class Formats
{
    /// <summary>Years 1000 to 2999, each with its own 29 February or none.</summary>
    private const string Date = @"([12]\d{3}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
        + @"|([12]\d(0[48]|[2468][048]|[13579][26])|(1[26]|2[048])00)-02-29)";

    private const string Clock = @"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))";
    private const string Hex = "[0-9A-Fa-f]", Byte = @"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)";
    private const string Label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";

    private const string Word = "[A-Za-z0-9_%+-]{1,15}"; // with its dots, the 64 letters that may stand before the @

    private static readonly Dictionary<string, string> s_patterns = new()
    {
        ["date"] = $"^{Date}$",
        ["time"] = $"^{Clock}$",
        ["date-time"] = $"^{Date}T{Clock}$",
        ["uuid"] = $"^{Hex}{{8}}-{Hex}{{4}}-{Hex}{{4}}-{Hex}{{4}}-{Hex}{{12}}$",
        ["email"] = $@"^{Word}(\.{Word}){{0,3}}@({Label}\.){{1,4}}[A-Za-z]{{2,24}}$",
        ["ipv4"] = $@"^{Byte}\.{Byte}\.{Byte}\.{Byte}$",
    };

    public const string Names = "date, time, date-time, uuid, email, ipv4, int32, int64, float and double";

    public static Facts? Of(string format) => format switch
    {
        _ when s_patterns.TryGetValue(format, out var pattern) =>
            Facts.Any with { String = StringFacts.Any with { Patterns = [(pattern, $"format {format}")] } },
        "int32" => Facts.Any with { Number = new(NumberBound.Of(int.MinValue), NumberBound.Of(int.MaxValue)) },
        "int64" => Facts.Any with { Number = new(NumberBound.Of(long.MinValue), NumberBound.Of(long.MaxValue)) },
        "float" or "double" => Facts.Any, // any JSON number is one
        _ => null,
    };
}
