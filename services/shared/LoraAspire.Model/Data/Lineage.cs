namespace LoraAspire.Model.Data;

/// <summary>The bytes that a data set was made from, each as "sha256:…"; a part of dataset.json.</summary>
/// <param name="Stage">The code that made it: stage kind @ version.</param>
/// <param name="Tokenizer">File → digest; likewise <paramref name="Data"/>, where what a chat model wrote stands too.</param>
public sealed record Lineage(string Stage, string PromptTemplate, IReadOnlyDictionary<string, string> Tokenizer,
    IReadOnlyDictionary<string, string> Data)
{
    /// <summary>What → digest without its "sha256:", the code aside, all in one list.</summary>
    public IEnumerable<(string What, string Sha256)> Digests() =>
        [("prompt template", Bare(PromptTemplate)),
            .. Tokenizer.Select(file => ($"tokenizer {file.Key}", Bare(file.Value))), .. DataDigests()];

    /// <summary>Of the raw files, and of what a chat model wrote.</summary>
    public IEnumerable<(string What, string Sha256)> DataDigests() => Data.Select(file => ($"data {file.Key}", Bare(file.Value)));

    private static string Bare(string digest) => digest?.Replace("sha256:", "", StringComparison.Ordinal)!;
}
