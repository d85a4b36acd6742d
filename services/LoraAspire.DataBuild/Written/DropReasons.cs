using LoraAspire.Model.Data;
using LoraAspire.Model.Identity;

namespace LoraAspire.DataBuild.Written;

/// <summary>
/// How many items were dropped for which reason. Reasons that name a detail ("unknown placeholder [x]") are counted as one, with a few
/// samples: what a model makes up must not fill a log.
/// </summary>
internal sealed class DropReasons
{
    private const int Samples = 3, LongestSample = 40;

    private readonly SortedDictionary<string, (int Count, List<string> Details)> _dropped = new(StringComparer.Ordinal);

    public void Add(string reason)
    {
        // Beginnings of reasons after which the detail follows.
        var kind = new[] { TemplatePlaceholders.Unknown, OtherModels.Claim }.FirstOrDefault(reason.StartsWith) ?? reason;
        var (count, details) = _dropped.GetValueOrDefault(kind, (0, []));
        if (details.Count <= Samples && !details.Contains(reason[kind.Length..]))
        {
            details.Add(reason[kind.Length..]);
        }
        _dropped[kind] = (count + 1, details);
    }

    public override string ToString() => _dropped.Count == 0 ? "none" : string.Join(", ", _dropped.Select(reason =>
        $"{reason.Value.Count} ({VisibleText.Safe(reason.Key + string.Join(", ", reason.Value.Details.Select(Sample)))})"));

    private static string Sample(string detail, int at) => at == Samples ? "…"
        : detail.Length <= LongestSample ? detail : detail[..LongestSample] + "…";
}
