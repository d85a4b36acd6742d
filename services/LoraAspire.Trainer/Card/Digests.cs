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
        // A data set that was made otherwise has no lineage.
        var lineage = File.Exists(Path.Combine(dataset, DatasetFacts.FileName)) ? DatasetFacts.Read(dataset).Lineage : null;
        foreach (var data in lineage?.DataDigests() ?? [])
        {
            yield return data;
        }
        foreach (var file in InstructionDataset.Files(dataset).Append(Path.Combine(dataset, PromptFormat.FileName)).Where(File.Exists))
        {
            yield return (Path.GetFileName(file), FileDigest.Of(file));
        }
        foreach (var name in TokenizerFiles.Names.Prepend("config.json").Where(name => File.Exists(Path.Combine(baseFolder, name))))
        {
            yield return ($"base {name}", FileDigest.Of(Path.Combine(baseFolder, name)));
        }
    }
}
