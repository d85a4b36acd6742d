using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Network;

/// <summary>What a Hugging Face folder holds beside the weights.</summary>
public static class ModelFiles
{
    private static readonly string[] s_licences = ["LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*"];

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
