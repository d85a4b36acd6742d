using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// The learning rate of each optimiser step, as transformers computes it: a linear warm-up from 0 (so the first step changes nothing when
/// there is one), then linear to 0, half a cosine to 0, or constant.
/// </summary>
public sealed record Schedule(LrScheduler Kind, double LearningRate, int WarmupSteps, int TotalSteps)
{
    public static Schedule Of(TrainerParams settings, int totalSteps) =>
        new(settings.LrSchedulerType, settings.LearningRate,
            settings.WarmupRatio is { } ratio ? (int)Math.Ceiling(ratio * totalSteps) : settings.WarmupSteps, totalSteps);

    /// <param name="step">Counted from 0.</param>
    public double At(int step)
    {
        if (step < WarmupSteps)
        {
            return LearningRate * step / WarmupSteps;
        }
        var progress = (double)(step - WarmupSteps) / Math.Max(1, TotalSteps - WarmupSteps);
        return Kind switch
        {
            LrScheduler.Linear => LearningRate * Math.Max(0, 1 - progress),
            LrScheduler.Cosine => LearningRate * Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * progress))),
            _ => LearningRate,
        };
    }
}
