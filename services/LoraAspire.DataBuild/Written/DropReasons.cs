using LoraAspire.DataBuild.Identity;
using LoraAspire.Model.Data;

namespace LoraAspire.DataBuild.Written;

/// <summary>
/// How many items were dropped for which reason. Reasons that name a detail ("unknown placeholder [x]") are counted as one, with a few
/// samples: what a model makes up must not fill a log.
/// </summary>
internal sealed class DropReasons
{
    private const int Samples = 3;
    private const int LongestSample = 40;
    private const int Kinds = 16;
    private const string Others = "for other reasons";

    /// <summary>Beginnings of reasons after which the detail follows.</summary>
    private static readonly string[] Detailed = [TemplatePlaceholders.Unknown, OtherModels.Claim];

    private readonly SortedDictionary<string, (int Count, List<string> Details)> _dropped = new(StringComparer.Ordinal);

    public void Add(string reason)
    {
        var kind = Detailed.FirstOrDefault(start => reason.StartsWith(start, StringComparison.Ordinal)) ?? reason;
        kind = _dropped.ContainsKey(kind) || _dropped.Count < Kinds ? kind : Others;
        var (count, details) = _dropped.GetValueOrDefault(kind, (0, []));
        if (reason.Length > kind.Length && kind != Others && details.Count <= Samples && !details.Contains(reason[kind.Length..]))
        {
            details.Add(reason[kind.Length..]);
        }
        _dropped[kind] = (count + 1, details);
    }

    public override string ToString() => _dropped.Count == 0 ? "none" : string.Join(", ",
        _dropped.Select(reason => $"{reason.Value.Count} ({VisibleText.Safe(reason.Key + Shown(reason.Value.Details))})"));

    private static string Shown(List<string> details) =>
        string.Join(", ", details.Take(Samples).Select(detail => detail.Length <= LongestSample ? detail : detail[..LongestSample] + "…"))
            + (details.Count > Samples ? ", …" : "");
}
