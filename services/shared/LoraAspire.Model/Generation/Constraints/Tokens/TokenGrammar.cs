using System.Runtime.CompilerServices;
using LoraAspire.Model.Generation.Constraints.Terms;

namespace LoraAspire.Model.Generation.Constraints.Tokens;

/// <summary>
/// A grammar over a vocabulary, with the masks of the states that were asked for. Shared by all answers to it; for several threads.
/// </summary>
internal sealed class TokenGrammar(Automaton automaton, VocabularyTrie trie, IReadOnlySet<int> eosIds)
{
    private readonly Lock _lock = new();
    private readonly Term[] _path = new Term[trie.Longest + 1];
    private Dictionary<Term, TokenMask> _masks = [], _olderMasks = [];
    private TermTable? _masksOf;

    public Term Start
    {
        get
        {
            lock (_lock)
            {
                return automaton.Start;
            }
        }
    }

    public bool IsEnd(int id) => eosIds.Contains(id);

    /// <summary>The tokens that may come in a state, which is brought up to date.</summary>
    public TokenMask Mask(ref Term state)
    {
        lock (_lock)
        {
            state = automaton.Current(state);
            if (_masksOf != automaton.Table)
            {
                (_masks, _olderMasks, _masksOf) = ([], [], automaton.Table);
            }
            // No token is longer than the reach, so that none tells the two apart.
            var near = automaton.Near(state, trie.Longest + 1);
            if (!_masks.TryGetValue(near, out var mask))
            {
                mask = _olderMasks.GetValueOrDefault(near) ?? Walk(near);
                if (_masks.Count >= ConstraintLimits.KeptMasks / 2)
                {
                    (_olderMasks, _masks) = (_masks, []);
                }
                _masks[near] = mask;
            }
            return mask;
        }
    }

    /// <summary>The state after a token's bytes; Never where it can't come.</summary>
    public Term Next(Term state, int id)
    {
        var bytes = trie.Bytes(id);
        lock (_lock)
        {
            state = automaton.Current(state);
            foreach (var value in bytes)
            {
                state = automaton.Next(state, value);
            }
            return bytes.IsEmpty ? automaton.Table.Never : state;
        }
    }

    // At its best from the first call on: one walk takes longer than .NET waits before it compiles a loop well.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private TokenMask Walk(Term state)
    {
        TokenMask.Builder mask = new(Math.Max(trie.VocabSize, eosIds.DefaultIfEmpty().Max() + 1));
        _path[0] = state;
        for (var node = 0; node < trie.Count;)
        {
            var depth = trie.Depth(node);
            var next = automaton.Next(_path[depth - 1], trie.Label(node));
            if (next.Kind == TermKind.Never)
            {
                node = trie.After(node);
                continue;
            }
            _path[depth] = next;
            for (var id = trie.Token(node); id >= 0; id = trie.Same(id))
            {
                mask.Allow(id);
            }
            node++;
        }
        foreach (var id in eosIds)
        {
            mask.Set(id, state.MayEnd);
        }
        return mask.Finish();
    }
}
