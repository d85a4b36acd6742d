namespace LoraAspire.Model.Generation.Cpu;

/// <summary>The query heads of one token that share a key/value head, and what they look at.</summary>
/// <param name="Heads">[count, head_dim], turned by their position</param>
/// <param name="Count">Query heads.</param>
/// <param name="First">The first position that is seen.</param>
/// <param name="Last">The token's own.</param>
/// <param name="To">[count, head_dim]</param>
internal readonly record struct Query(nint Heads, int Count, CachedHead Keys, int First, int Last, float Scale, float Cap,
    QueryRoom Room, nint To);

/// <summary>A key/value head of a layer, as a sequence's blocks hold it.</summary>
/// <param name="Blocks">The block table.</param>
internal readonly record struct CachedHead(PagedCache Cache, int Layer, int Head, nint Blocks);

/// <param name="Scores">Room for as many float32 a head as there are positions in the blocks that are seen.</param>
/// <param name="Sums">Room for the padded head_dim a head.</param>
internal readonly record struct QueryRoom(nint Scores, nint Sums);
