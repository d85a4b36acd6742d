using System.Text.Json;

namespace LoraAspire.Model.Tokenizers;

/// <summary>
/// What a tokenizer.json of the tokenizers library says, as far as the BPE tokenizers of Llama-like models need it. What can't be run
/// exactly is refused with the part that isn't known.
/// </summary>
internal sealed class TokenizerJson
{
    private readonly string _path;
    private readonly JsonElement _root;

    private TokenizerJson(string path, JsonElement root) => (_path, _root) = (path, root);

    /// <summary>Spelling → id.</summary>
    public Dictionary<string, int> Vocabulary { get; private init; } = [];

    /// <summary>Pairs in the order in which they are joined.</summary>
    public List<(string Left, string Right)> Merges { get; private init; } = [];

    /// <summary>
    /// Whether spaces are written as U+2581 and unknown characters as bytes &lt;0x..&gt;, as SentencePiece does; else as GPT-2's byte
    /// letters.
    /// </summary>
    public bool IsSentencePiece => Model.TryGetProperty("byte_fallback", out var fallback) && fallback.ValueKind == JsonValueKind.True;

    /// <summary>A word that is in the vocabulary as a whole is never taken apart (Llama-3).</summary>
    public bool IgnoreMerges => Model.TryGetProperty("ignore_merges", out var ignore) && ignore.ValueKind == JsonValueKind.True;

    public string? UnkToken => Model.TryGetProperty("unk_token", out var unk) ? unk.GetString() : null;

    /// <summary>Whether its post-processor puts a special token before a text.</summary>
    public bool AddsBos => Parts("post_processor").Any(part =>
        part.TryGetProperty("single", out var single) && single.ValueKind == JsonValueKind.Array && single.GetArrayLength() > 0
            && single[0].TryGetProperty("SpecialToken", out _));

    private JsonElement Model => _root.GetProperty("model");

    /// <summary>The tokens beside the model's own: spelling, id, whether they are left out of decoded text.</summary>
    public IEnumerable<AddedToken> Added =>
        _root.TryGetProperty("added_tokens", out var added) && added.ValueKind == JsonValueKind.Array
        ? added.EnumerateArray().Select(token => AddedToken.Of(token, Vocabularies.Id("added_tokens", token.GetProperty("id"))))
        : [];

    /// <param name="make">What is made of it. A part that it looks for and that isn't there, or is of another kind, is told as a damaged
    /// file too.</param>
    /// <exception cref="ModelException">Not readable, or not BPE.</exception>
    public static T Read<T>(string path, Func<TokenizerJson, T> make)
    {
        return JsonFile.Read(path, "tokenizer", root =>
        {
            var model = root.GetProperty("model");
            // Old files leave the type out.
            var type = model.TryGetProperty("type", out var named) ? named.GetString() : "BPE";
            if (type != "BPE")
            {
                throw new ModelException($"{path} is a {type} tokenizer. The BPE tokenizers of Llama, Mistral and Qwen are known here.");
            }
            return make(new(path, root)
            {
                Vocabulary = model.GetProperty("vocab").EnumerateObject()
                    .ToDictionary(token => token.Name, token => Vocabularies.Id(token.Name, token.Value), StringComparer.Ordinal),
                Merges = [.. model.GetProperty("merges").EnumerateArray().Select(Pair)],
            });
        });
    }

    public ModelException Unknown(string what) =>
        new($"{_path}: {what}, which is not known here and so can't be run exactly. Put the model's tokenizer.model beside it, if it has "
            + "one, or choose another base.");

    /// <summary>The parts under a key, a Sequence taken apart; none for null.</summary>
    public IReadOnlyList<JsonElement> Parts(string key)
    {
        if (!_root.TryGetProperty(key, out var part) || part.ValueKind == JsonValueKind.Null)
        {
            return [];
        }
        var list = key switch { "normalizer" => "normalizers", "pre_tokenizer" => "pretokenizers", _ => "processors" };
        return part.GetProperty("type").GetString() == "Sequence" ? [.. part.GetProperty(list).EnumerateArray()] : [part];
    }

    /// <summary>"a b", or ["a", "b"] in newer files.</summary>
    private static (string, string) Pair(JsonElement merge)
    {
        if (merge.ValueKind == JsonValueKind.Array)
        {
            return merge.GetArrayLength() == 2
                && (merge[0].GetString(), merge[1].GetString()) is ({ Length: > 0 } left, { Length: > 0 } right)
                ? (left, right) : throw new FormatException($"the merge {merge.GetRawText()} is no pair.");
        }
        var text = merge.GetString() is { Length: > 0 } pair ? pair : throw new FormatException("a merge is empty.");
        var space = text.IndexOf(' ', 1);
        return space < 0 ? throw new FormatException($"the merge '{text}' is no pair.") : (text[..space], text[(space + 1)..]);
    }
}
