namespace LoraAspire.Model.Tokenizers;

/// <summary>The files of a Hugging Face directory that make up its tokenizer.</summary>
public static class TokenizerFiles
{
    public static IReadOnlyList<string> Names { get; } =
    [
        "tokenizer.model", "tokenizer.json", "vocab.json", "merges.txt", "added_tokens.json",
        "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja",
    ];

    /// <summary>Whether a folder holds a tokenizer.</summary>
    public static bool AreIn(string directory) =>
        new[] { "tokenizer.model", "tokenizer.json", "vocab.json" }.Any(name => File.Exists(Path.Combine(directory, name)));

    /// <summary>Copies the tokenizer files that <paramref name="from"/> has into <paramref name="to"/>, bytes unchanged.</summary>
    /// <exception cref="ModelException">There is no tokenizer in <paramref name="from"/>.</exception>
    public static void Copy(string from, string to)
    {
        var present = Names.Where(name => File.Exists(Path.Combine(from, name))).ToList();
        if (!AreIn(from))
        {
            throw new ModelException($"No tokenizer in {from}: looked for tokenizer.model, tokenizer.json and vocab.json. A model "
                + "without one cannot be loaded.");
        }
        Directory.CreateDirectory(to);
        foreach (var name in present)
        {
            File.Copy(Path.Combine(from, name), Path.Combine(to, name), overwrite: true);
        }
    }
}
