namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// One pass over the layers, forward or forward and back. With a sharded base every device walks at once, whether it has rows or not, and
/// to the end: what it leaves out when it fails is walked when the walk is disposed, or the others would wait for ever.
/// </summary>
public sealed class LayerWalk : IDisposable
{
    private readonly LayerShards? _shards;
    private readonly int[] _order;
    private int _at;

    internal LayerWalk(LayerShards? shards, int layers, bool back)
    {
        _shards = shards;
        _order = shards is null ? [] : [.. Enumerable.Range(0, layers), .. back ? Enumerable.Range(0, layers).Reverse() : []];
    }

    /// <summary>Before the next layer of the walk is computed.</summary>
    internal void Step()
    {
        if (_at < _order.Length)
        {
            _shards!.Enter(_order[_at], _at + 1 < _order.Length ? _order[_at + 1] : null);
            _at++;
        }
    }

    public void Dispose()
    {
        while (_at < _order.Length)
        {
            Step();
        }
    }
}
