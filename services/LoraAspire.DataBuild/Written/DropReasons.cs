using LoraAspire.Model.Data;
using LoraAspire.Model.Identity;

namespace LoraAspire.DataBuild.Written;

/// <summary>
/// How many items were dropped for which reason. Reasons that name a detail ("unknown placeholder [x]") are counted as one, with a few
/// samples: what a model makes up must not fill a log.
/// </summary>
internal sealed class DropReasons
{
    private const int Samples = 3, LongestSample = 40, Kinds = 16;
    private const string Others = "for other reasons";

    private readonly SortedDictionary<string, (int Count, List<string> Details)> _dropped = new(StringComparer.Ordinal);

    public void Add(string reason)
    {
        // Beginnings of reasons after which the detail follows.
        var kind = new[] { TemplatePlaceholders.Unknown, OtherModels.Claim }.FirstOrDefault(reason.StartsWith) ?? reason;
        kind = _dropped.ContainsKey(kind) || _dropped.Count < Kinds ? kind : Others;
        var (count, details) = _dropped.GetValueOrDefault(kind, (0, []));
        if (reason.Length > kind.Length && kind != Others && details.Count <= Samples && !details.Contains(reason[kind.Length..]))
        {
            details.Add(reason[kind.Length..]);
        }
        _dropped[kind] = (count + 1, details);
    }

    public override string ToString() => _dropped.Count == 0 ? "none" : string.Join(", ", _dropped.Select(reason =>
    {
        var shown = reason.Value.Details.Select(detail => detail.Length <= LongestSample ? detail : detail[..LongestSample] + "…")
            .Select((detail, i) => i < Samples ? detail : "…");
        return $"{reason.Value.Count} ({VisibleText.Safe(reason.Key + string.Join(", ", shown))})";
    }));
}
