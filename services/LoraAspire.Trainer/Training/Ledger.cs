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
        return double.IsFinite(loss) && double.IsFinite(norm) ? new(Step, loss, Result.LearningRate, norm, Tokens)
            : throw new StageException(
            $"Step {Step}: the loss is {loss}, the gradient's norm {norm}. Training can't go on from there: lower learning_rate, or look "
                + "for broken rows in the data set's preview.md.");
    }

    public void Dispose() => Result.Dispose();
}

/// <summary>What a step gave, as numbers.</summary>
internal sealed record StepFigures(int Step, double Loss, double LearningRate, double GradNorm, long Tokens);

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
            figures.GradNorm, state.Tokens, evalLoss);
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
