using System.ComponentModel.DataAnnotations;

namespace LoraAspire.Pipelines.Stages;

/// <summary>Asks a model (and, when given, its base) the same questions and reports the answers side by side.</summary>
public sealed record EvaluatorParams : StageParams
{
    public IReadOnlyList<string> Questions { get; init; } = [];
    [Range(1, 1_048_576)]
    public int MaxNewTokens { get; init; } = 128;
    public Device Device { get; init; } = Device.Auto;

    public override IEnumerable<(string Key, string Problem)> Validate()
    {
        if (Questions.Count == 0)
        {
            yield return ("questions", "needs at least one question");
        }
    }
}
