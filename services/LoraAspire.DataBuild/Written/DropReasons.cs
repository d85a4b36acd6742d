using LoraAspire.Model.Data;

namespace LoraAspire.DataBuild.Written;

/// <summary>
/// How many items were dropped for which reason. Reasons that differ in a detail ("unknown placeholder [x]", "another: X") are counted as
/// one and shown by the first: what a model makes up must not fill a log.
/// </summary>
internal sealed class DropReasons
{
    private readonly SortedDictionary<string, (int Count, string First, bool Differ)> _dropped = new(StringComparer.Ordinal);

    public void Add(string reason)
    {
        var kind = reason.IndexOfAny([':', '['], 1) is var detail and > 0 ? reason[..detail] : reason;
        var (count, first, differ) = _dropped.GetValueOrDefault(kind, (0, reason, false));
        _dropped[kind] = (count + 1, first, differ || first != reason);
    }

    public override string ToString() => _dropped.Count == 0 ? "none" : string.Join(", ", _dropped.Values.Select(reason =>
        $"{reason.Count} ({VisibleText.Safe(reason.First)}{(reason.Differ ? ", …" : "")})"));
}
