using LoraAspire.DataBuild.Sources;
using LoraAspire.Model.Data;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.DataBuild.Output;

/// <summary>Takes the digests of what a data set is made from.</summary>
internal static class DatasetLineage
{
    /// <param name="tokenizerDir">The base's folder.</param>
    /// <param name="written">What a chat model wrote, each list by its name.</param>
    public static Lineage Of(string tokenizerDir, PromptFormat template, IEnumerable<DataFile> files,
        IReadOnlyDictionary<string, string> written) => new(
        $"{StageKinds.DataBuild.Name}@{StageKinds.DataBuild.Version}",
        Named(FileDigest.OfBytes(template.ToUtf8())),
        TokenizerFiles.Names.Where(name => File.Exists(Path.Combine(tokenizerDir, name)))
            .ToDictionary(name => name, name => Named(FileDigest.Of(Path.Combine(tokenizerDir, name)))),
        files.DistinctBy(file => file.Name).Select(file => KeyValuePair.Create(file.Name, Named(FileDigest.Of(file.Path)))).Concat(written)
            .ToDictionary());

    private static string Named(string sha256) => "sha256:" + sha256;
}
