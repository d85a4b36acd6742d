using System.Globalization;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>How many rows each source gives, where shares or weights relate them to each other.</summary>
internal static class Mix
{
    public static bool Relates(IEnumerable<RecordSource> sources) =>
        sources.Any(source => source.Share is not null || source.Weight is not null);

    /// <summary>
    /// Rows of each source. Without share or weight: its sample, or all, times repeat. Weights w: t·w, with the largest t for which no
    /// source runs out. Shares s: s·T, where the rows without shares are the rest of T, (1 − Σs)·T; when all have shares, T is the largest
    /// for which no source runs out.
    /// </summary>
    /// <param name="available">Records of each source.</param>
    /// <exception cref="StageException">A share asks for more than a source has.</exception>
    public static long[] Rows(IReadOnlyList<(string Name, RecordSource With)> sources, IReadOnlyList<long> available)
    {
        long Most(int i) => available[i] * sources[i].With.Repeat;
        var all = Enumerable.Range(0, sources.Count).ToList();
        var (weighted, shared) =
            (all.Where(i => sources[i].With.Weight is not null).ToList(), all.Where(i => sources[i].With.Share is not null).ToList());
        // It would make every source that it is related to as empty as itself.
        if (all.FindIndex(i => available[i] == 0 && (sources[i].With.Weight ?? sources[i].With.Share) is not null) is >= 0 and var empty)
        {
            throw new StageException($"{sources[empty].Name}: has a {(sources[empty].With.Weight is null ? "share" : "weight")}, but no "
                + "record that could be taken. Look at the file and at what drops its records, or remove the source.");
        }
        var unit = weighted.Count == 0 ? 0 : weighted.Min(i => Most(i) / sources[i].With.Weight!.Value);
        var rows = all.Select(i => sources[i].With switch
        {
            { Weight: { } weight } => (long)Math.Round(unit * weight),
            { Share: not null } => 0,
            { Sample: { } sample } with => Math.Min(sample, available[i]) * with.Repeat,
            _ => Most(i),
        }).ToArray();
        if (shared.Count == 0)
        {
            return rows;
        }
        var total = shared.Count == sources.Count
            ? shared.Min(i => Most(i) / sources[i].With.Share!.Value)
            : rows.Sum() / (1 - shared.Sum(i => sources[i].With.Share!.Value));
        foreach (var i in shared)
        {
            rows[i] = (long)Math.Round(total * sources[i].With.Share!.Value);
            if (rows[i] > Most(i))
            {
                throw new StageException(
                    string.Create(CultureInfo.InvariantCulture,
                        $"{sources[i].Name}: a share of {sources[i].With.Share} of {total:0} rows is {rows[i]:N0}, but the source "
                            + $"has {Most(i):N0}. Lower the share, raise its repeat, or give the other sources a sample."));
            }
        }
        return rows;
    }
}
