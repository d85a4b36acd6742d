namespace LoraAspire.Model.Generation.Batching;

/// <summary>A full block and what it holds: its ids, behind those of the blocks before it.</summary>
internal sealed class KnownBlock(int index, ulong hash, KnownBlock? before, int adapter, int[] ids)
{
    public int Index { get; } = index;
    public ulong Hash { get; } = hash;
    public int Adapter { get; } = adapter;

    /// <summary>Among the blocks that nobody uses; null while somebody does.</summary>
    public LinkedListNode<KnownBlock>? Place { get; set; }

    /// <summary>A hash may be equal by chance; a text must not.</summary>
    public bool Is(KnownBlock? previous, int withAdapter, ReadOnlySpan<int> held) =>
        ReferenceEquals(before, previous) && Adapter == withAdapter && held.SequenceEqual(ids);
}
