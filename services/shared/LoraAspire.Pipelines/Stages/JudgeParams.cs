using System.ComponentModel.DataAnnotations;

namespace LoraAspire.Pipelines.Stages;

/// <summary>A chat model that says how good answers are.</summary>
public sealed record JudgeParams : ChatModelParams
{
    public JudgeParams() => (ApiKeyEnv, MaxRequests) = ("LORA_JUDGE_KEY", 2000);

    /// <summary>Each answer against the base's, in both orders: one that wins by its place alone is no better.</summary>
    public bool Pairwise { get; init; } = true;

    /// <summary>Each answer by itself, 1 to 5.</summary>
    public bool Rating { get; init; } = true;

    /// <summary>So many of the questions and held-out records, the first of them.</summary>
    [Range(1, 100_000)]
    public int Questions { get; init; } = 100;
}
