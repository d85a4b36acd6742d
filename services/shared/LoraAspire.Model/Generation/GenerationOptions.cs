namespace LoraAspire.Model.Generation;

/// <summary>How tokens are drawn, and when to stop. The defaults are those of the lab's chat.</summary>
public sealed record GenerationOptions
{
    /// <summary>Below 1e-5: greedy, the most probable token every time.</summary>
    public double Temperature { get; init; } = 0.7;
    /// <summary>Draws from the fewest tokens whose probabilities add up to this; 1 keeps all.</summary>
    public double TopP { get; init; } = 1;
    /// <summary>Draws from this many most probable tokens; 0 keeps all.</summary>
    public int TopK { get; init; }
    /// <summary>Above 1 makes tokens that already stand in the text less probable.</summary>
    public double RepetitionPenalty { get; init; } = 1;
    /// <summary>Equal seeds give equal texts; null draws anew each time.</summary>
    public int? Seed { get; init; }
    public int MaxNewTokens { get; init; } = 1024;
    /// <summary>The text ends before the first of these.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    public static GenerationOptions Greedy(int maxNewTokens) => new() { Temperature = 0, MaxNewTokens = maxNewTokens };
}
