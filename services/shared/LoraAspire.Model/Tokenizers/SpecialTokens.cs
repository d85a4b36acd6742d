using System.Buffers;
using System.Globalization;
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

    /// <summary>All added tokens by their spelling, those too that aren't special (&lt;think&gt;, &lt;tool_call&gt;).</summary>
    private readonly Dictionary<string, int> _added = new(StringComparer.Ordinal);

    private readonly Dictionary<string, Strip> _strips = new(StringComparer.Ordinal);

    private SearchValues<string>? _search, _markers;

    public bool AreIn(string text) => text.AsSpan().ContainsAny(Search);

    private SearchValues<string> Search =>
        _search ??= SearchOf(_special);

    private SearchValues<string> MarkerSearch => _markers ??= SearchOf(_added);

    /// <summary>Whether a text spells an added token, special or not.</summary>
    public bool HasMarkers(string text) => text.AsSpan().ContainsAny(MarkerSearch);

    private static SearchValues<string> SearchOf(Dictionary<string, int> tokens) =>
        SearchValues.Create([.. tokens.Keys.Where(token => token.Length > 0)], StringComparison.Ordinal);

    /// <summary>Whether a spelling is that of an added token, special or not.</summary>
    public bool Lists(string text) => _added.ContainsKey(text);

    public bool IsSpecial(int id) => _special.ContainsValue(id) || (Added.TryGetValue(id, out var token) && token.Special);

    /// <param name="find">Spelling → id in the vocabulary file, or null.</param>
    /// <param name="more">What a tokenizer.json adds; the other files come first.</param>
    /// <param name="unk">Id, or null, that the vocabulary itself gives; likewise <paramref name="bos"/> and <paramref name="eos"/>.</param>
    /// <param name="addsBos">Whether rows start with BOS, where <c>add_bos_token</c> of tokenizer_config.json doesn't tell.</param>
    public static SpecialTokens Load(string dir, Func<string, int?> find, Func<int, string> piece, int? unk, int? bos, int? eos,
        IEnumerable<AddedToken> more, bool addsBos)
    {
        SpecialTokens tokens = new();
        var config = Optional(dir, "tokenizer_config.json", Settings.Read);
        var map = Optional(dir, "special_tokens_map.json", Settings.Read);
        foreach (var (text, id) in (Optional(dir, "added_tokens.json", ReadAdded) ?? []).Where(token => find(token.Text) is null))
        {
            tokens.Added[id] = (text, true);
        }
        List<AddedToken> configured = [.. config?.Added ?? []], listed = [.. more];
        foreach (var (text, id, isSpecial, _) in configured.Where(token => find(token.Text) is null))
        {
            tokens.Added[id] = (text, isSpecial);
        }
        tokens.AddMarkers([.. configured, .. listed], find);
        foreach (var (text, id, isSpecial, _) in listed)
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
        int? Named(Func<Settings, string?> spelling, int? fallback)
        {
            var text = (config is null ? null : spelling(config)) ?? (map is null ? null : spelling(map));
            return text is null ? fallback : tokens.FindAdded(text) ?? find(text) ?? fallback;
        }
        // A tokenizer_config with "bos_token": null means that the model has none, whatever the vocabulary says.
        var named = config is { HasNoBos: true } ? null : Named(file => file.Bos, bos);
        tokens.BosId = config?.AddsBos ?? addsBos ? named : null;
        tokens.EosId = Named(file => file.Eos, eos)
            ?? throw new ModelException(
                $"The tokenizer in {dir} names no eos_token: an answer could never end. Add one to tokenizer_config.json.");
        foreach (var id in new[] { Named(file => file.Unk, unk), named, tokens.EosId }.OfType<int>())
        {
            tokens._special[tokens.Added.TryGetValue(id, out var added) ? added.Text : piece(id)] = id;
        }
        foreach (var (id, token) in tokens.Added.Where(entry => entry.Value.Special))
        {
            tokens._special[token.Text] = id;
        }
        foreach (var (id, token) in tokens.Added)
        {
            tokens._added.TryAdd(token.Text, id);
        }
        foreach (var (text, id) in tokens._special)
        {
            tokens._added.TryAdd(text, id);
        }
        return tokens;
    }

    /// <summary>The stretches of a text and the special tokens typed between them, in order; the longest token wins.</summary>
    public IEnumerable<(string Text, int? Id)> Split(string text)
    {
        var start = 0;
        foreach (var (at, token, id) in Find(text, 0, text.Length, _special, Search))
        {
            if (at > start)
            {
                yield return (text[start..at], null);
            }
            yield return (token, id);
            start = at + token.Length;
        }
        if (start < text.Length)
        {
            yield return (text[start..], null);
        }
    }

    /// <summary>The added tokens that a part of a text spells, special or not, with the white space around them that some take.</summary>
    /// <param name="from">Where the part starts in <paramref name="text"/>; white space is taken beyond its ends too.</param>
    public IEnumerable<Marker> Markers(string text, int from, int to)
    {
        foreach (var (at, token, id) in Find(text, from, to, _added, MarkerSearch))
        {
            var (start, end) = (at, at + token.Length);
            var strip = _strips.GetValueOrDefault(token);
            while (strip.Left && start > 0 && char.IsWhiteSpace(text[start - 1]))
            {
                start--;
            }
            while (strip.Right && end < text.Length && char.IsWhiteSpace(text[end]))
            {
                end++;
            }
            yield return new(at, start, end, id);
        }
    }

    private static IEnumerable<(int At, string Token, int Id)> Find(string text, int from, int to, Dictionary<string, int> tokens,
        SearchValues<string> search)
    {
        for (var i = from; i < to; i++)
        {
            var ahead = text.AsSpan(i, to - i).IndexOfAny(search);
            if (ahead < 0)
            {
                yield break;
            }
            i += ahead;
            var (hit, id) = tokens.Where(token => token.Key.Length <= to - i
                    && string.CompareOrdinal(text, i, token.Key, 0, token.Key.Length) == 0)
                .OrderByDescending(token => token.Key.Length).FirstOrDefault();
            if (hit is { Length: > 0 })
            {
                yield return (i, hit, id);
                i += hit.Length - 1;
            }
        }
    }

    /// <summary>How tokenizer_config.json, or special_tokens_map.json, spells a token; null where it has none.</summary>
    public static string? Spelling(JsonElement file, string key) =>
        !file.TryGetProperty(key, out var token) ? null
            : token.ValueKind == JsonValueKind.Object ? token.GetProperty("content").GetString() : token.GetString();

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

    private static T? Optional<T>(string dir, string name, Func<JsonElement, T> read) where T : class
    {
        var path = Path.Combine(dir, name);
        return File.Exists(path) ? JsonFile.Read(path, "tokenizer file", read) : null;
    }

    /// <summary>added_tokens.json: spelling → id.</summary>
    private static List<(string Text, int Id)> ReadAdded(JsonElement file) =>
        [.. file.EnumerateObject().Select(token => (token.Name, Vocabularies.Id(token.Name, token.Value)))];

    private void AddMarkers(IEnumerable<AddedToken> added, Func<string, int?> find)
    {
        foreach (var token in added.Where(token => token.Text.Length > 0))
        {
            _added.TryAdd(token.Text, find(token.Text) ?? token.Id);
            if (token.Strip is not { Left: false, Right: false })
            {
                _strips.TryAdd(token.Text, token.Strip);
            }
        }
    }

    /// <summary>What tokenizer_config.json, or special_tokens_map.json, says of the tokens that are not text.</summary>
    private sealed record Settings(string? Bos, string? Eos, string? Unk, bool HasNoBos, bool? AddsBos,
        IReadOnlyList<AddedToken> Added)
    {
        public static Settings Read(JsonElement file) => new(
            Spelling(file, "bos_token"), Spelling(file, "eos_token"), Spelling(file, "unk_token"),
            file.TryGetProperty("bos_token", out var bos) && bos.ValueKind == JsonValueKind.Null,
            file.TryGetProperty("add_bos_token", out var add) && add.ValueKind is JsonValueKind.True or JsonValueKind.False
                ? add.GetBoolean() : null,
            !file.TryGetProperty("added_tokens_decoder", out var decoder) ? [] : [.. decoder.EnumerateObject().Select(token =>
                AddedToken.Of(token.Value, Vocabularies.Id(token.Name, int.Parse(token.Name, CultureInfo.InvariantCulture))))]);
    }
}
