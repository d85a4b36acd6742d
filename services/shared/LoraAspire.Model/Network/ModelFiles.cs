using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Network;

/// <summary>What a Hugging Face folder holds beside the weights.</summary>
public static class ModelFiles
{
    /// <summary>Copies the tokenizer and the configurations.</summary>
    /// <exception cref="ModelException">There is no tokenizer.</exception>
    public static void Copy(string from, string to)
    {
        TokenizerFiles.Copy(from, to);
        foreach (var name in new[] { "config.json", "generation_config.json" }.Where(name => File.Exists(Path.Combine(from, name))))
        {
            File.Copy(Path.Combine(from, name), Path.Combine(to, name));
        }
    }
}
