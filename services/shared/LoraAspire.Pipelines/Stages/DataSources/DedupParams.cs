using System.ComponentModel.DataAnnotations;

namespace LoraAspire.Pipelines.Stages.DataSources;

/// <summary>
/// Which records of files count as repetitions of an earlier one. Self-cognition records repeat on purpose and are left alone.
/// </summary>
public sealed record DedupParams
{
    /// <summary>Drops a record whose texts equal those of an earlier one, white space and capitals aside.</summary>
    public bool Exact { get; init; }

    /// <summary>
    /// Drops a record whose estimated Jaccard similarity (MinHash over character 5-grams) with an earlier one is at least this; null
    /// looks for none.
    /// </summary>
    [Range(0.0, 1, MinimumIsExclusive = true,
        ErrorMessage = "is a similarity above 0 and at most 1, such as 0.85; leave it out to compare exactly")]
    public double? Near { get; init; }
}
