using System.Runtime.InteropServices;

namespace LoraAspire.Model.Generation.Batching;

/// <summary>
/// Hands out the blocks of a cache. A full block is known by what it holds, its ids and all before them, so that another text that begins
/// alike takes it instead of computing it again; it stays known after its last user let go, until the block is needed: the least recently
/// used first, the end of a text before its beginning.
/// </summary>
internal sealed class BlockPool
{
    private const int Size = StepExecutor.BlockSize;
    /// <summary>A share of the blocks, one in so many, stays known for reuse before blank ones are taken.</summary>
    private const int MostIdle = 4;

    private readonly int[] _users;
    private readonly Stack<int> _blank = [];
    private readonly Dictionary<ulong, KnownBlock> _known = [];
    private readonly KnownBlock?[] _knownAt;
    private readonly LinkedList<KnownBlock> _idle = []; // known, and nobody uses them: the first goes first

    public BlockPool(int blocks)
    {
        (_users, _knownAt) = (new int[blocks], new KnownBlock?[blocks]);
        for (var block = blocks - 1; block >= 0; block--)
        {
            _blank.Push(block);
        }
    }

    public int Blocks => _users.Length;

    /// <summary>Blocks that nobody uses.</summary>
    public int Free => _blank.Count + _idle.Count;

    /// <summary>Blocks that hold these ids, from the first on, with nothing missing between; nobody is their user yet.</summary>
    /// <param name="most">Ids that may be found.</param>
    public List<KnownBlock> Find(ReadOnlySpan<int> ids, int adapter, int most)
    {
        List<KnownBlock> found = [];
        for (KnownBlock? last = null; (found.Count + 1) * Size <= most; found.Add(last))
        {
            var next = ids.Slice(found.Count * Size, Size);
            if (!_known.TryGetValue(Hash(last, adapter, next), out var block) || !block.Is(last, adapter, next))
            {
                break;
            }
            last = block;
        }
        return found;
    }

    /// <summary>How many of these are free, so that <see cref="Use"/> makes <see cref="Free"/> so much less.</summary>
    public int Idle(IEnumerable<KnownBlock> blocks) => blocks.Count(block => _users[block.Index] == 0);

    /// <summary>One more user.</summary>
    public void Use(KnownBlock block)
    {
        if (_users[block.Index]++ == 0)
        {
            _idle.Remove(block.Place!);
            block.Place = null;
        }
    }

    /// <summary>A block of its user's own. There must be a free one.</summary>
    public int Take()
    {
        // Memory that was never written isn't there yet: a service takes no more of it than it needs, and some for reuse.
        if (_idle.Count > Blocks / MostIdle || !_blank.TryPop(out var block))
        {
            var oldest = _idle.First!.Value;
            _idle.RemoveFirst();
            Forget(oldest);
            block = oldest.Index;
        }
        _users[block] = 1;
        return block;
    }

    /// <summary>Tells what a full block holds.</summary>
    /// <param name="before">The block before it in its text.</param>
    /// <returns>
    /// The block to use from now on: another that held the same already, of which the caller is a user now, and no longer of this one; null
    /// where chance gave another content the same hash, and the block stays unknown, as do those after it.
    /// </returns>
    public KnownBlock? Know(int block, KnownBlock? before, int adapter, ReadOnlySpan<int> ids)
    {
        var hash = Hash(before, adapter, ids);
        if (_known.TryGetValue(hash, out var there))
        {
            if (!there.Is(before, adapter, ids))
            {
                return null;
            }
            Use(there);
            Release(block);
            return there;
        }
        return _known[hash] = _knownAt[block] = new(block, hash, before, adapter, ids.ToArray());
    }

    /// <summary>One user less, of each.</summary>
    /// <param name="blocks">In the text's order.</param>
    public void Release(ReadOnlySpan<int> blocks)
    {
        for (var i = blocks.Length - 1; i >= 0; i--)
        {
            Release(blocks[i]);
        }
    }

    /// <summary>What was computed with an adapter, or by a step that failed, must not be found any more.</summary>
    public void ForgetAll(Func<KnownBlock, bool> which)
    {
        foreach (var block in _known.Values.Where(which).ToList())
        {
            Forget(block);
            if (block.Place is { } place)
            {
                _idle.Remove(place);
                _blank.Push(block.Index);
            }
        }
    }

    private void Release(int block)
    {
        if (--_users[block] > 0)
        {
            return;
        }
        if (_knownAt[block] is { } known)
        {
            known.Place = _idle.AddLast(known);
        }
        else
        {
            _blank.Push(block);
        }
    }

    private void Forget(KnownBlock block)
    {
        _known.Remove(block.Hash);
        _knownAt[block.Index] = null;
    }

    /// <summary>Of the ids and all before them (FNV-1a over 32-bit words, then mixed).</summary>
    private static ulong Hash(KnownBlock? before, int adapter, ReadOnlySpan<int> ids)
    {
        var hash = before?.Hash ?? 14695981039346656037UL ^ (ulong)(uint)adapter;
        foreach (var id in MemoryMarshal.Cast<int, uint>(ids))
        {
            hash = (hash ^ id) * 1099511628211UL;
        }
        return CounterRandom.Mix(hash);
    }
}
