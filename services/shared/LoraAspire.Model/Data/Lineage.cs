namespace LoraAspire.Model.Data;

/// <summary>The bytes that a data set was made from, each as "sha256:…"; data-build writes it into dataset.json.</summary>
/// <param name="Stage">The code that made it: stage kind @ version.</param>
/// <param name="Tokenizer">File → digest; likewise <paramref name="Data"/>, where what a chat model wrote stands too.</param>
public sealed record Lineage(string Stage, string PromptTemplate, IReadOnlyDictionary<string, string> Tokenizer, IReadOnlyDictionary<string, string> Data)
{
    /// <summary>What → digest without its "sha256:", the code aside, all in one list.</summary>
    public IEnumerable<(string What, string Sha256)> Digests() =>
        new[] { ("prompt template", PromptTemplate) }.Concat(Tokenizer.Select(file => ($"tokenizer {file.Key}", file.Value))).Concat(Data.Select(file => ($"data {file.Key}", file.Value)))
            .Select(item => (item.Item1, item.Item2?.Replace("sha256:", "", StringComparison.Ordinal)!));
}
