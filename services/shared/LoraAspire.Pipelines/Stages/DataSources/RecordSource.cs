using System.ComponentModel.DataAnnotations;

namespace LoraAspire.Pipelines.Stages.DataSources;

/// <summary>
/// What every source has: how many of its records go into the data set. At most one of sample, share and weight. A record that derives from
/// this is a kind of source;
/// its name, less its "Source", is the YAML's key, and its description what the documentation says.
/// </summary>
public abstract record RecordSource
{
    /// <summary>That many records, drawn by the seed; all of them when there are fewer.</summary>
    [Range(1, int.MaxValue)]
    public int? Sample { get; init; }

    /// <summary>
    /// The part of the finished data set that this source makes up, above 0 and below 1; 1 only when all sources have shares.
    /// </summary>
    [Range(0.0, 1, MinimumIsExclusive = true, ErrorMessage = "is a part of the whole, above 0 and at most 1")]
    public double? Share { get; init; }

    /// <summary>Sources with weights stand to each other as their weights do; the scarcest gives all that it has.</summary>
    [Range(1e-6, 1e9, ErrorMessage = "must be above 0, and no less than a millionth")]
    public double? Weight { get; init; }

    /// <summary>Each record counts that often.</summary>
    [Range(1, 1_000_000)]
    public int Repeat { get; init; } = 1;

    /// <summary>The YAML's key of this kind.</summary>
    internal string Kind => SourceKinds.KeyOf(GetType());

    /// <summary>How many items a chat model is asked to write for this source; 0 where it writes none.</summary>
    internal virtual int AskedFor => 0;

    /// <summary>Files under the data root, as written in the YAML.</summary>
    public virtual IEnumerable<string> Files() => [];

    /// <summary>What is wrong in words, or null.</summary>
    public virtual string? Problem() => null;

    internal string? MixProblem() =>
        new object?[] { Sample, Share, Weight }.Count(value => value is not null) <= 1 ? null
        : "sample, share and weight exclude each other: keep one";
}
