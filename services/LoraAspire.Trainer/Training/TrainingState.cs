using System.Text.Json.Serialization;

namespace LoraAspire.Trainer.Training;

/// <summary>Everything a run needs to go on, beside the parameters and the optimiser's moments.</summary>
/// <param name="EvaluationsWithoutGain">In a row, since the best one.</param>
/// <param name="LossAverage">Exponential mean of the losses, not yet corrected for its start at 0.</param>
/// <param name="MetricsBytes">Length of metrics.jsonl at this step.</param>
/// <param name="MicroBatchTokens">The budget that fitted into memory; which rows share a micro-batch decides the dropout they see.</param>
/// <param name="Pending">Figures of the step after <paramref name="Step"/> when its update is done and its evaluation isn't: a run may be
/// stopped there.</param>
internal sealed record TrainingState(
    int Step, int? BestStep, double? BestEvalLoss, int EvaluationsWithoutGain, double LossAverage, long Tokens, long MetricsBytes,
    int? MicroBatchTokens, StepFigures? Pending = null)
{
    private const double Decay = 0.9;

    public static TrainingState Start { get; } = new(0, null, null, 0, 0, 0, 0, null);

    /// <summary>Updates that are in the parameters.</summary>
    [JsonIgnore]
    public int Updates => Pending?.Step ?? Step;

    /// <summary>
    /// The mean of the losses so far, each step back weighing 0.9 of the next, corrected for the start as Adam's moments are.
    /// </summary>
    [JsonIgnore]
    public double Smoothed => LossAverage / (1 - Math.Pow(Decay, Step));

    public TrainingState After(double loss, long tokens) =>
        this with { Step = Step + 1, LossAverage = (Decay * LossAverage) + ((1 - Decay) * loss), Tokens = Tokens + tokens };

    public TrainingState Evaluated(double loss) => loss < (BestEvalLoss ?? double.PositiveInfinity)
        ? this with { BestStep = Step, BestEvalLoss = loss, EvaluationsWithoutGain = 0 }
        : this with { EvaluationsWithoutGain = EvaluationsWithoutGain + 1 };
}
