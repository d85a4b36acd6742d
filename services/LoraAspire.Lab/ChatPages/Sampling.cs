namespace LoraAspire.Lab.ChatPages;

/// <summary>How tokens are drawn; null leaves it to the service.</summary>
public sealed record Sampling
{
    public double? Temperature { get; init; }
    public double? TopP { get; init; }
    public int? TopK { get; init; }
    public double? RepetitionPenalty { get; init; }
    public int? MaxTokens { get; init; }
    public int? Seed { get; init; }
}
