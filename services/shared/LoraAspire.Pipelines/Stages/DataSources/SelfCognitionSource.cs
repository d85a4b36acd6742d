namespace LoraAspire.Pipelines.Stages;

/// <summary>Records in which the model says who it is, in Chinese and English.</summary>
public sealed record SelfCognitionSource : RecordSource
{
    public required string Name { get; init; }
    public required string Developer { get; init; }
    public IReadOnlyList<string> Abilities { get; init; } = [];
}
