using System.Buffers;
using System.Text.Json;

namespace LoraAspire.Model.Tokenizers;

/// <summary>
/// The tokens that are not text: their spelling, their ids, and which of them start and end a row.
/// Read from tokenizer_config.json, special_tokens_map.json and added_tokens.json; what they leave open comes from the vocabulary.
/// </summary>
internal sealed class SpecialTokens
{
    /// <summary>Tokens that the vocabulary file does not have, by id, with whether they are left out of decoded text.</summary>
    public Dictionary<int, (string Text, bool Special)> Added { get; } = [];

    /// <summary>The id that starts a row; null where the model has none, or has one that its rows don't start with.</summary>
    public int? BosId { get; private set; }
    public int EosId { get; private set; }

    private readonly Dictionary<string, int> _special = new(StringComparer.Ordinal);

    private SearchValues<string>? _search;

    public bool AreIn(string text) => text.AsSpan().ContainsAny(Search);

    private SearchValues<string> Search => _search ??= SearchValues.Create([.. _special.Keys.Where(token => token.Length > 0)], StringComparison.Ordinal);

    public bool IsSpecial(int id) => _special.ContainsValue(id) || (Added.TryGetValue(id, out var token) && token.Special);

    /// <param name="find">Spelling → id in the vocabulary file, or null.</param>
    /// <param name="more">What a tokenizer.json adds; the other files come first.</param>
    /// <param name="unk">Id, or null, that the vocabulary itself gives; likewise <paramref name="bos"/> and <paramref name="eos"/>.</param>
    /// <param name="addsBos">Whether rows start with BOS, where <c>add_bos_token</c> of tokenizer_config.json doesn't tell.</param>
    public static SpecialTokens Load(string dir, Func<string, int?> find, Func<int, string> piece, int? unk, int? bos, int? eos, IEnumerable<(string Text, int Id, bool Special)> more, bool addsBos)
    {
        SpecialTokens tokens = new();
        var config = ReadJson(dir, "tokenizer_config.json");
        var map = ReadJson(dir, "special_tokens_map.json");
        tokens.ReadAdded(config, ReadJson(dir, "added_tokens.json"), find);
        foreach (var (text, id, isSpecial) in more)
        {
            if (find(text) is null)
            {
                tokens.Added.TryAdd(id, (text, isSpecial));
            }
            else if (isSpecial)
            {
                tokens._special[text] = id;
            }
        }
        int? Named(string key, int? fallback)
        {
            var text = Spelling(config, key) ?? Spelling(map, key);
            return text is null ? fallback : tokens.FindAdded(text) ?? find(text) ?? fallback;
        }
        // A tokenizer_config with "bos_token": null means that the model has none, whatever the vocabulary says.
        var named = config is { } c && c.TryGetProperty("bos_token", out var none) && none.ValueKind == JsonValueKind.Null ? null : Named("bos_token", bos);
        var adds = config is { } own && own.TryGetProperty("add_bos_token", out var add) && add.ValueKind is JsonValueKind.True or JsonValueKind.False ? add.GetBoolean() : addsBos;
        tokens.BosId = adds ? named : null;
        tokens.EosId = Named("eos_token", eos)
            ?? throw new ModelException($"The tokenizer in {dir} names no eos_token: an answer could never end. Add one to tokenizer_config.json.");
        foreach (var id in new[] { Named("unk_token", unk), named, tokens.EosId }.OfType<int>())
        {
            tokens._special[tokens.Added.TryGetValue(id, out var added) ? added.Text : piece(id)] = id;
        }
        foreach (var (id, token) in tokens.Added.Where(entry => entry.Value.Special))
        {
            tokens._special[token.Text] = id;
        }
        return tokens;
    }

    /// <summary>The stretches of a text and the special tokens typed between them, in order; the longest token wins.</summary>
    public IEnumerable<(string Text, int? Id)> Split(string text)
    {
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            var ahead = text.AsSpan(i).IndexOfAny(Search);
            if (ahead < 0)
            {
                break;
            }
            i += ahead;
            var hit = _special.Where(token => string.CompareOrdinal(text, i, token.Key, 0, token.Key.Length) == 0)
                .OrderByDescending(token => token.Key.Length).FirstOrDefault();
            if (hit.Key is not { Length: > 0 })
            {
                continue;
            }
            if (i > start)
            {
                yield return (text[start..i], null);
            }
            yield return (hit.Key, hit.Value);
            start = i + hit.Key.Length;
            i = start - 1;
        }
        if (start < text.Length)
        {
            yield return (text[start..], null);
        }
    }

    private int? FindAdded(string text)
    {
        foreach (var (id, token) in Added)
        {
            if (token.Text == text)
            {
                return id;
            }
        }
        return null;
    }

    private void ReadAdded(JsonElement? config, JsonElement? added, Func<string, int?> find)
    {
        if (added is { } file)
        {
            foreach (var token in file.EnumerateObject().Where(token => find(token.Name) is null))
            {
                Added[token.Value.GetInt32()] = (token.Name, true);
            }
        }
        if (config is { } c && c.TryGetProperty("added_tokens_decoder", out var decoder))
        {
            foreach (var token in decoder.EnumerateObject())
            {
                var text = token.Value.GetProperty("content").GetString()!;
                if (find(text) is null)
                {
                    Added[int.Parse(token.Name)] = (text, !token.Value.TryGetProperty("special", out var special) || special.GetBoolean());
                }
            }
        }
    }

    private static string? Spelling(JsonElement? file, string key) =>
        file is { } f && f.TryGetProperty(key, out var token)
            ? token.ValueKind == JsonValueKind.Object ? token.GetProperty("content").GetString() : token.GetString()
            : null;

    private static JsonElement? ReadJson(string dir, string name)
    {
        var path = Path.Combine(dir, name);
        if (!File.Exists(path))
        {
            return null;
        }
        try
        {
            return JsonElement.Parse(File.ReadAllBytes(path));
        }
        catch (JsonException e)
        {
            throw new ModelException($"{path} is not valid JSON: {e.Message}", e);
        }
    }
}
