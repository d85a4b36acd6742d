using System.Security.Cryptography;
using System.Text;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Model.Weights;

namespace LoraAspire.Model.Adapters;

/// <summary>
/// The base that an adapter was trained on, by content. It stands in the metadata of the adapter's tensors, which stay with them and in
/// which no other program takes offence.
/// </summary>
/// <param name="Weights">SHA-256 of the file of the weights; of several, that of their digests, each with a line feed, in the order of
/// their names. A new layout of the same tensors has another.</param>
/// <param name="Tokenizer">The same of the files of the tokenizer.</param>
public sealed record BaseDigests(string Weights, string Tokenizer)
{
    private const string WeightsKey = "base_weights_sha256", TokenizerKey = "base_tokenizer_sha256";

    /// <param name="digestsOf">Gives the digests of files of the folder.</param>
    /// <exception cref="ModelException">There are no weights.</exception>
    public static BaseDigests Of(string folder, Func<IReadOnlyList<string>, IReadOnlyList<string>> digestsOf)
    {
        IReadOnlyList<string> weights = WeightFiles.TensorFiles(folder),
            tokenizer = [.. TokenizerFiles.Names.Where(name => File.Exists(Path.Combine(folder, name)))];
        var digests = digestsOf([.. weights, .. tokenizer]);
        return new(OfAll(digests.Take(weights.Count)), OfAll(digests.Skip(weights.Count)));
    }

    /// <exception cref="ModelException">What stands there is no digest.</exception>
    internal static BaseDigests? In(TensorFile tensors)
    {
        if (tensors is not SafetensorsFile file)
        {
            return null; // torch's own format has no place for it
        }
        string? Digest(string key) => !file.Metadata.TryGetValue(key, out var text) ? null
            : text.Length == 2 * SHA256.HashSizeInBytes && text.All(char.IsAsciiHexDigitLower) ? text
            : throw new ModelException($"{file.Path}: {key} of its metadata is no SHA-256 in lower-case hex.");
        return (Digest(WeightsKey), Digest(TokenizerKey)) is ({ } weights, { } tokenizer) ? new(weights, tokenizer) : null;
    }

    internal IReadOnlyDictionary<string, string> Metadata =>
        new Dictionary<string, string> { [WeightsKey] = Weights, [TokenizerKey] = Tokenizer };

    private static string OfAll(IEnumerable<string> digests) => digests.ToList() is [var only] ? only
        : Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Concat(digests.Select(digest => digest + "\n")))));
}
