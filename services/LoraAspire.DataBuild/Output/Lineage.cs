using System.Security.Cryptography;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.DataBuild.Output;

/// <summary>The bytes that a data set was made from: name → "sha256:…".</summary>
/// <param name="Stage">The code that made it: stage kind @ version.</param>
public sealed record Lineage(string Stage, string PromptTemplate, IReadOnlyDictionary<string, string> Tokenizer, IReadOnlyDictionary<string, string> Data)
{
    /// <param name="tokenizerDir">The base's folder.</param>
    /// <param name="written">What a chat model wrote, each list by its name.</param>
    public static Lineage Of(string tokenizerDir, PromptTemplate template, IEnumerable<DataFile> files, IReadOnlyDictionary<string, string> written) => new(
        $"{StageKinds.DataBuild.Name}@{StageKinds.DataBuild.Version}",
        Digest(new MemoryStream(template.ToUtf8())),
        TokenizerFiles.Names.Where(name => File.Exists(Path.Combine(tokenizerDir, name))).ToDictionary(name => name, name => Digest(File.OpenRead(Path.Combine(tokenizerDir, name)))),
        files.DistinctBy(file => file.Name).Select(file => KeyValuePair.Create(file.Name, Digest(File.OpenRead(file.Path)))).Concat(written).ToDictionary());

    private static string Digest(Stream stream)
    {
        using (stream)
        {
            return "sha256:" + Convert.ToHexStringLower(SHA256.HashData(stream));
        }
    }
}
