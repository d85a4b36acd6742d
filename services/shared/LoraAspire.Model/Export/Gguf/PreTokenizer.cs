using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Export.Gguf;

/// <summary>
/// The word in tokenizer.ggml.pre that makes llama.cpp cut words as a byte-level tokenizer's own patterns do: the patterns are part of its
/// program, so that only known ones can be exported.
/// </summary>
internal static class PreTokenizer
{
    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)", Rest = @" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly (string Name, bool WholeWords, string[] Patterns)[] s_known =
    [
        ("llama-bpe", true, [$@"{Contractions}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{Rest}"]),
        ("qwen2", false, [ByteLevelTokenizer.QwenWords]),
        ("gpt-2", false, [ByteLevelTokenizer.Gpt2Words]),
        ("smollm", false, [@"\p{N}", ByteLevelTokenizer.Gpt2Words]),
        ("tekken", true,
        [
            @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
            + @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"
            + @"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ]),
    ];

    /// <exception cref="ModelException">Patterns that llama.cpp has no word for.</exception>
    public static string Of(ByteLevelTokenizer tokenizer)
    {
        var patterns = tokenizer.WordPatterns;
        return s_known.FirstOrDefault(known => known.Patterns.SequenceEqual(patterns)) is { Name: not null } found ? found.Name
            : throw new ModelException($"The tokenizer cuts words by a pattern that llama.cpp has no name for, as far as is known here "
                + $"({string.Join(" then ", patterns.Select(Short))}): it can't be exported to GGUF.");
    }

    /// <summary>What llama.cpp does otherwise than the tokenizer, in words.</summary>
    public static IEnumerable<string> Remarks(ByteLevelTokenizer tokenizer)
    {
        var (name, wholeWords, _) = s_known.FirstOrDefault(known => known.Patterns.SequenceEqual(tokenizer.WordPatterns));
        if (name is not null && wholeWords != tokenizer.KeepsWholeWords)
        {
            yield return $"llama.cpp's '{name}' {(wholeWords ? "keeps words whole that are in the vocabulary" : "merges every word")}, "
                + "which this tokenizer does not: rare words may get other tokens.";
        }
        if (tokenizer.Normalises)
        {
            yield return "llama.cpp doesn't bring a text to Unicode's NFC, as the tokenizer does: letters written with a combining mark "
                + "get other tokens.";
        }
    }

    private static string Short(string pattern) => Data.VisibleText.Marked(pattern.Length > 60 ? pattern[..60] + "…" : pattern);
}
