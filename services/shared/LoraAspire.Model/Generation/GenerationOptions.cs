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
    /// <summary>Leaves out tokens less probable than this share of the most probable one's probability; 0 keeps all.</summary>
    public double MinP { get; init; }
    /// <summary>Above 1 makes tokens that already stand in the text less probable.</summary>
    public double RepetitionPenalty { get; init; } = 1;
    /// <summary>Taken from a token's logit for each time that the answer holds it (OpenAI's frequency_penalty).</summary>
    public double FrequencyPenalty { get; init; }
    /// <summary>Taken once from the logit of each token that the answer holds (OpenAI's presence_penalty).</summary>
    public double PresencePenalty { get; init; }
    /// <summary>Added to the logits of these ids.</summary>
    public IReadOnlyDictionary<int, double> LogitBias { get; init; } = new Dictionary<int, double>();
    /// <summary>Each token comes with its log probability and those of this many most probable ones; null: without.</summary>
    public int? TopLogprobs { get; init; }
    /// <summary>Answers to the one prompt; the prompt is read once.</summary>
    public int Choices { get; init; } = 1;
    /// <summary>Makes what each answer has to obey, such as a JSON schema; null, or one that makes null, lets it say anything.</summary>
    public Func<Constraints.TokenConstraint?>? Constraint { get; init; }
    /// <summary>Equal seeds give equal texts, whatever else is asked at the time; null draws anew each time.</summary>
    public int? Seed { get; init; }
    public int MaxNewTokens { get; init; } = 1024;
    /// <summary>The text ends before the first of these.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    public static GenerationOptions Greedy(int maxNewTokens) => new() { Temperature = 0, MaxNewTokens = maxNewTokens };
}
