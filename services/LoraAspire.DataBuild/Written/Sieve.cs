namespace LoraAspire.DataBuild.Written;

/// <summary>Items that pass the assignment's rules and repeat none before, and how many were dropped for which reason.</summary>
internal sealed class Sieve<T>(Assignment<T> assignment, string? key)
{
    private readonly HashSet<string> _seen = [.. assignment.ExampleKeys];
    private readonly List<T> _accepted = [];
    private readonly SortedDictionary<string, int> _dropped = new(StringComparer.Ordinal);

    public IReadOnlyList<T> Accepted => _accepted;

    public string Reasons => _dropped.Count == 0 ? "none" : string.Join(", ", _dropped.Select(reason => $"{reason.Value} ({reason.Key})"));

    public void Drop(string reason) => _dropped[reason] = _dropped.GetValueOrDefault(reason) + 1;

    public void Offer(T item)
    {
        // A server may send back the header that it got.
        if ((key is { Length: >= 12 } && item!.ToString()!.Contains(key, StringComparison.Ordinal) ? "holds the key" : assignment.Problem(item)) is { } reason)
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
}
