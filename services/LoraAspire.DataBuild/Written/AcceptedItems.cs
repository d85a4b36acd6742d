namespace LoraAspire.DataBuild.Written;

/// <summary>Items that pass the assignment's rules and repeat none before, and how many were dropped for which reason.</summary>
/// <param name="key">A server may send back the header that it got.</param>
internal sealed class AcceptedItems<T>(Assignment<T> assignment, KeyPieces key) where T : class
{
    private readonly KeyPieces _key = key.Except(assignment.System(bySchema: false) + " " + assignment.Task);
    private readonly HashSet<string> _seen = [.. assignment.ExampleKeys];
    private readonly List<T> _accepted = [];
    private readonly DropReasons _dropped = new();

    public IReadOnlyList<T> Accepted => _accepted;

    public string Reasons => _dropped.ToString();

    public void Drop(string reason) => _dropped.Add(reason);

    /// <summary>
    /// What stands in the cache by now takes the place of what was accepted here: other runs may have added to it, and the order is the
    /// cache's.
    /// </summary>
    public void Adopt(IReadOnlyList<T> items)
    {
        _accepted.Clear();
        _seen.Clear();
        _seen.UnionWith(assignment.ExampleKeys);
        _accepted.AddRange(items.Where(item => Problem(item) is null && _seen.Add(assignment.Key(item))));
    }

    public void Offer(T item)
    {
        if (Problem(item) is { } reason)
        {
            Drop(reason);
        }
        else if (!_seen.Add(assignment.Key(item)))
        {
            Drop("a repetition");
        }
        else
        {
            _accepted.Add(item);
        }
    }

    private string? Problem(T item) => _key.AreIn(assignment.Key(item)) ? "holds the key" : assignment.Problem(item);
}
