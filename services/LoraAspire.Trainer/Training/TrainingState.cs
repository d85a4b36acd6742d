namespace LoraAspire.Trainer.Training;

/// <summary>One logged step, without times: the same run gives the same lines.</summary>
public sealed record StepMetrics(int Step, double Epoch, double Loss, double LearningRate, double GradNorm, double? EvalLoss);

/// <summary>Everything a run needs to go on, beside the parameters and the optimiser's moments.</summary>
public sealed record TrainingState(int Step, IReadOnlyList<StepMetrics> Metrics, int? BestStep, double? BestEvalLoss)
{
    public static TrainingState Start { get; } = new(0, [], null, null);
}
