using System.Runtime.CompilerServices;
using LoraAspire.Model.Generation.Constraints.Terms;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Generation.Constraints.Tokens;

/// <summary>A tokenizer's tree of tokens and the grammars that were last compiled for it.</summary>
internal sealed class TokenizerGrammars
{
    private static readonly ConditionalWeakTable<HfTokenizer, TokenizerGrammars> s_all = [];

    private readonly Lock _lock = new();
    private readonly Lazy<VocabularyTrie> _trie;
    private readonly List<(string Key, TokenGrammar Grammar)> _kept = [];

    private TokenizerGrammars(HfTokenizer tokenizer) => _trie = new(() => new(tokenizer));

    public static TokenizerGrammars Of(HfTokenizer tokenizer) => s_all.GetValue(tokenizer, of => new(of));

    public VocabularyTrie Trie => _trie.Value;

    /// <param name="what">The same for the same grammar.</param>
    public TokenGrammar Get(string what, IReadOnlySet<int> eosIds, Func<Automaton> compile)
    {
        var key = $"{string.Join(',', eosIds.Order())} {what}";
        lock (_lock)
        {
            if (Take(key) is { } kept)
            {
                return kept;
            }
        }
        // Outside of the lock: compiling one caller's schema shall not hold up another's.
        TokenGrammar made = new(compile(), Trie, eosIds);
        lock (_lock)
        {
            if (Take(key) is { } kept)
            {
                return kept;
            }
            _kept.Add((key, made));
            if (_kept.Count > ConstraintLimits.KeptGrammars)
            {
                _kept.RemoveAt(0);
            }
            return made;
        }
    }

    /// <summary>The grammar, which becomes the one last used.</summary>
    private TokenGrammar? Take(string key)
    {
        var at = _kept.FindIndex(kept => kept.Key == key);
        if (at < 0)
        {
            return null;
        }
        var found = _kept[at];
        _kept.RemoveAt(at);
        _kept.Add(found);
        return found.Grammar;
    }
}
