using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.Model.Data;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Trainer.Card;

/// <summary>Name and SHA-256 of what a run was made from.</summary>
internal static class Digests
{
    /// <param name="known">Input name → digest, where the stage runs in a pipeline.</param>
    public static IEnumerable<(string What, string Sha256)> Of(string dataset, string baseFolder, IReadOnlyDictionary<string, string> known)
    {
        foreach (var (input, digest) in known.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            yield return ($"input {input}", digest);
        }
        foreach (var (name, digest) in Sources(Path.Combine(dataset, "dataset.json")))
        {
            yield return ($"data {name}", digest);
        }
        foreach (var file in InstructionDataset.Files(dataset).Append(Path.Combine(dataset, PromptTemplate.FileName)).Where(File.Exists))
        {
            yield return (Path.GetFileName(file), FileDigest.Of(file));
        }
        foreach (var name in TokenizerFiles.Names.Prepend("config.json").Where(name => File.Exists(Path.Combine(baseFolder, name))))
        {
            yield return ($"base {name}", FileDigest.Of(Path.Combine(baseFolder, name)));
        }
    }

    /// <summary>The raw files, as data-build wrote them down; none for a data set made otherwise.</summary>
    private static IEnumerable<(string, string)> Sources(string summary)
    {
        if (!File.Exists(summary))
        {
            return [];
        }
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(summary));
            return json.RootElement.TryGetProperty("lineage", out var lineage) && lineage.TryGetProperty("data", out var data)
                ? [.. data.EnumerateObject().Select(file => (file.Name, (file.Value.GetString() ?? throw new JsonException($"the digest of {file.Name} is missing")).Replace("sha256:", "", StringComparison.Ordinal)))]
                : [];
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new ModelException($"{summary} is not a summary that data-build wrote: {error.Message} Build the data set again.", error);
        }
    }
}
