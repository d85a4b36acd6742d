using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>The keys by which other trainers ask for a base in 8 or 4 bits: all of them mean <c>base_type</c> here.</summary>
internal static class QuantizedBaseKeys
{
    private const string Int8 = "int8", Nf4 = "nf4";

    public static IReadOnlyList<string> Names { get; } =
        ["load_in_8bit", "load_in_4bit", "quantization_bit", "bnb_4bit_quant_type", "quantization_type", "quantization_method"];

    public static bool Knows(string name) => Names.Contains(name);

    /// <returns>The base_type that the key asks for; null where it asks for none, which is noted, or can't have what it asks for.</returns>
    public static string? Read(YamlNode key, YamlNode value, string name, Diagnostics report)
    {
        var text = Binder.Text(value)?.ToLowerInvariant() ?? (value is YamlScalarNode ? "" : null);
        string? Refuse(string problem)
        {
            report.Error(key, $"'{name}': {problem}");
            return null;
        }
        var wanted = (name, text) switch
        {
            ("load_in_8bit", "true") or ("quantization_bit", "8") => Int8,
            ("load_in_4bit", "true") or ("quantization_bit", "4") => Nf4,
            ("load_in_8bit" or "load_in_4bit", "false") => "",
            ("quantization_bit", "" or "~" or "null" or "none") => "",
            ("bnb_4bit_quant_type" or "quantization_type", Nf4) => "",
            ("quantization_method", "bitsandbytes" or "bnb") => "",
            ("load_in_8bit" or "load_in_4bit", _) => Refuse("is true or false"),
            ("quantization_bit", _) => Refuse($"is 8 or 4, not {text}"),
            ("quantization_method", _) => Refuse($"'{text}' isn't done here: bases are quantised as bitsandbytes does it, to int8 or nf4"),
            (_, "fp4") => Refuse("fp4 isn't done here: nf4 takes the same memory and errs less. Write nf4"),
            _ => Refuse($"is nf4, not {text}"),
        };
        if (wanted is "")
        {
            report.Note(key, $"{name}: {Binder.Text(value)} is what is done anyway");
            return null;
        }
        return wanted;
    }
}
