using System.Text.Json;
using System.Text.Json.Serialization;

namespace LoraAspire.Pipelines.Stages;

/// <summary>One line of <see cref="FileName"/> beside what was trained, without times: the same run gives the same lines.</summary>
/// <param name="SmoothedLoss">Exponential mean of the losses so far.</param>
/// <param name="GradNorm">Before clipping; null where it was beyond float16's range: such a step changes nothing.</param>
/// <param name="Tokens">Real tokens seen so far, padding not counted.</param>
/// <param name="EvalLoss">On the held-out rows; null where they weren't looked at after this step.</param>
public sealed record StepMetrics(int Step, double Epoch, double Loss, double SmoothedLoss, double LearningRate, double? GradNorm,
    long Tokens, double? EvalLoss)
{
    /// <summary>What the gradients were multiplied by while they were float16.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? LossScale { get; init; }

    public const string FileName = "metrics.jsonl";

    /// <exception cref="IOException">The file can't be read.</exception>
    /// <exception cref="JsonException">A line of it is no step.</exception>
    public static IReadOnlyList<StepMetrics> Read(string path) =>
    [
        .. File.ReadLines(path).Select(line => JsonSerializer.Deserialize<StepMetrics>(line, JsonSerializerOptions.Web)
            ?? throw new JsonException($"{path} holds a line that is no step.")),
    ];

    /// <summary>As a running stage tells it.</summary>
    /// <param name="total">How many steps there are.</param>
    public StageProgress ToProgress(long total) =>
        new("step", Step, total) { Training = new(Loss, EvalLoss, LearningRate, GradNorm, Epoch, SmoothedLoss, Tokens) };
}
