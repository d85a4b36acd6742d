using System.ComponentModel.DataAnnotations;

namespace LoraAspire.Pipelines.Stages.DataSources;

/// <summary>Records from this project's own grammar of short English and Chinese instruction pairs: what the tiny base learned.</summary>
public sealed record GrammarSource : RecordSource
{
    [Range(1, 100_000_000)]
    public required int Count { get; init; }

    /// <summary>The name the model calls itself by in these records.</summary>
    public string Name { get; init; } = "Pebble";
}
