using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Trainer.Training;

/// <summary>An optimiser step that the device may still be busy with.</summary>
/// <param name="Step">Counted from 1.</param>
internal sealed record EnqueuedStep(int Step, StepResult Result, long Tokens) : IDisposable
{
    /// <summary>Waits for the device.</summary>
    /// <exception cref="StageException">The loss or the gradient is not a number.</exception>
    public StepFigures Read()
    {
        var (loss, norm) = (Result.ReadMicroLosses().Sum(), Result.ReadGradNorm());
        var (scale, leftOut) = (Result.ReadLossScale(), Result.ReadLeftOut());
        if (leftOut && scale < LossScale.Least)
        {
            throw new StageException(FormattableString.Invariant(
                $"Step {Step}: the gradient is beyond float16's range even where it is multiplied by {scale}. {Wider}"));
        }
        return double.IsFinite(loss) && (leftOut || double.IsFinite(norm))
            ? new(Step, loss, Result.LearningRate, leftOut ? null : norm, Tokens) { LossScale = scale }
            : throw new StageException(
            $"Step {Step}: the loss is {loss}, the gradient's norm {norm}. Training can't go on from there: lower learning_rate, or look "
                + "for broken rows in the data set's preview.md."
                + (scale is null ? "" : $" Or numbers are beyond float16's range: {Wider}"));
    }

    private const string Wider = "Set compute_type: bfloat16 (a GPU of compute capability 8.0 or above) or float32.";

    public void Dispose() => Result.Dispose();
}

/// <summary>What a step gave, as numbers.</summary>
/// <param name="GradNorm">Null where it was beyond float16's range: the step changed nothing.</param>
internal sealed record StepFigures(int Step, double Loss, double LearningRate, double? GradNorm, long Tokens)
{
    /// <summary>See <see cref="StepMetrics.LossScale"/>.</summary>
    public double? LossScale { get; init; }
}

/// <summary>Takes each step's figures into the state, the metrics' file and the progress.</summary>
internal sealed class Ledger(MetricsLog metrics, int loggingSteps, int stepsPerEpoch, int totalSteps, IProgress<StageProgress> report)
{
    private readonly Speedometer _speed = new(TimeProvider.System);

    public TrainingState Enter(TrainingState state, StepFigures figures, double? evalLoss)
    {
        _speed.Add(figures.Tokens);
        state = state.After(figures.Loss, figures.Tokens);
        state = evalLoss is { } loss ? state.Evaluated(loss) : state;
        var line = new StepMetrics(state.Step, (double)state.Step / stepsPerEpoch, figures.Loss, state.Smoothed, figures.LearningRate,
            figures.GradNorm, state.Tokens, evalLoss)
        {
            LossScale = figures.LossScale,
        };
        if (figures.GradNorm is null)
        {
            report.Report(new StageProgress(Message: FormattableString.Invariant(
                $"Step {line.Step} changes nothing: times {line.LossScale} its gradient is beyond float16's range. From here on it is ")
                + FormattableString.Invariant($"multiplied by {line.LossScale / 2}.")));
        }
        // Every step, whatever logging_steps is: the file is part of the artifact.
        metrics.Add(line);
        if (evalLoss is not null || state.Step % loggingSteps == 0 || state.Step == totalSteps)
        {
            report.Report(new StageProgress(
                "step", line.Step, totalSteps, TokensPerSecond: _speed.TokensPerSecond,
                EtaSeconds: _speed.SecondsPerStep * (totalSteps - line.Step))
            {
                Training = new(line.Loss, line.EvalLoss, line.LearningRate, line.GradNorm, line.Epoch, line.SmoothedLoss, line.Tokens),
            });
        }
        return state with { MetricsBytes = metrics.Length };
    }
}
