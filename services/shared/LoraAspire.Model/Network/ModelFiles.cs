using System.Text.Json;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Network;

/// <summary>What a Hugging Face folder holds beside the weights.</summary>
public static class ModelFiles
{
    private static readonly string[] s_licences = ["LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*"];

    /// <summary>What config.json says the weights were quantised with; null where they are whole.</summary>
    /// <exception cref="ModelException">There is no readable config.json.</exception>
    public static string? QuantizationOf(string folder) => JsonFile.Read(Path.Combine(folder, "config.json"), "model configuration",
        root => !root.TryGetProperty("quantization_config", out var value) || value.ValueKind == JsonValueKind.Null ? null
            : value.ValueKind == JsonValueKind.Object && value.TryGetProperty("quant_method", out var method)
                && method.ValueKind == JsonValueKind.String ? method.GetString()! : "a method that it doesn't name");

    /// <summary>Copies the tokenizer, the configurations and the files of the licence.</summary>
    /// <exception cref="ModelException">There is no tokenizer.</exception>
    public static void Copy(string from, string to)
    {
        TokenizerFiles.Copy(from, to);
        var licences = s_licences.SelectMany(pattern => Directory.EnumerateFiles(from, pattern)).Select(path => Path.GetFileName(path)!);
        foreach (var name in new[] { "config.json", "generation_config.json" }.Where(name => File.Exists(Path.Combine(from, name)))
            .Concat(licences))
        {
            File.Copy(Path.Combine(from, name), Path.Combine(to, name), overwrite: true);
        }
    }
}
