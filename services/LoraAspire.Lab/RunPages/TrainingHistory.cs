using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;

namespace LoraAspire.Lab.RunPages;

/// <summary>The progress of one stage so far.</summary>
public sealed class TrainingHistory
{
    private readonly List<StepFigures> rows = [];
    private long changes;

    /// <summary>In the order of steps. A row that was added or changed later has a higher number, and so have all after it.</summary>
    public IReadOnlyList<StepFigures> Rows => rows;

    /// <summary>The last progress that counts something; null when only log lines came.</summary>
    public StageProgress? Latest { get; private set; }

    /// <summary>The last known speed in tokens a second; evaluation and saving do not tell one.</summary>
    public double? TokensPerSecond { get; private set; }

    /// <summary>What the model answered on the way, in the order of steps; another list after each look.</summary>
    public IReadOnlyList<TrainingSample> Samples { get; private set; } = [];

    /// <summary>What the stage said last, in words.</summary>
    public string? LatestMessage { get; private set; }

    /// <summary>It has counted nothing since its last words.</summary>
    public bool SpeaksNow { get; private set; }

    /// <summary>What is counted, or what was said since; null before the first progress.</summary>
    public string? Words => SpeaksNow || Latest is null ? LatestMessage : ProgressText.Of(Latest);

    /// <summary>Of a training that is over.</summary>
    public static TrainingHistory Of(IReadOnlyList<StepMetrics> steps, IReadOnlyList<TrainingSample> samples)
    {
        TrainingHistory history = new() { Samples = samples };
        foreach (var step in steps)
        {
            history.Add(step.ToProgress(steps[^1].Step));
        }
        return history;
    }

    /// <param name="at">When it was told; null where that isn't known any more.</param>
    public void Add(StageProgress progress, DateTimeOffset? at = null)
    {
        if (progress.Samples is [var first, ..] told)
        {
            // An attempt that goes on from a checkpoint asks again at the steps after it.
            Samples = [.. Samples.Where(sample => sample.Step < first.Step), .. told];
            return;
        }
        LatestMessage = progress.Message ?? LatestMessage;
        SpeaksNow = progress.Message is not null;
        if (progress.Total == 0 && progress.Done == 0)
        {
            return;
        }
        Latest = progress;
        TokensPerSecond = progress.TokensPerSecond ?? TokensPerSecond;
        if (progress.Training is { } training && (Finite(training.Loss) ?? Finite(training.EvalLoss)) is not null)
        {
            Keep(progress, training, at);
        }
    }

    /// <summary>A stage that goes on from a checkpoint tells again what its dead attempt told: later steps are to come again.</summary>
    private void Keep(StageProgress progress, TrainingFigures training, DateTimeOffset? at)
    {
        var isStep = Finite(training.Loss) is not null;
        var place = rows.Count;
        while (place > 0 && rows[place - 1].Step >= progress.Done)
        {
            place--;
        }
        var known = place < rows.Count && rows[place].Step == progress.Done ? rows[place] : null;
        StepFigures row = known ?? new(progress.Done);
        row = !isStep ? row : row with
        {
            Loss = training.Loss,
            LearningRate = Finite(training.LearningRate),
            GradNorm = Finite(training.GradNorm),
            TokensPerSecond = Finite(progress.TokensPerSecond),
            At = at,
            Gpus = [.. progress.Gpus.Select(gpu => gpu with
            {
                PowerWatts = Finite(gpu.PowerWatts), PowerLimitWatts = Finite(gpu.PowerLimitWatts),
            })],
        };
        rows.RemoveRange(place, isStep ? rows.Count - place : known is null ? 0 : 1);
        rows.Insert(place, row with { EvalLoss = Finite(training.EvalLoss) ?? row.EvalLoss });
        for (var later = place; later < rows.Count; later++)
        {
            rows[later] = rows[later] with { Change = ++changes };
        }
    }

    private static double? Finite(double? number) => number is { } known && double.IsFinite(known) ? known : null;
}

/// <summary>What a training told at one step; what it didn't tell is null.</summary>
public sealed record StepFigures(long Step)
{
    /// <summary>Counts what was written into the history: the higher, the later.</summary>
    public long Change { get; init; }

    public DateTimeOffset? At { get; init; }
    public double? Loss { get; init; }
    public double? EvalLoss { get; init; }
    public double? LearningRate { get; init; }

    /// <summary>Before clipping.</summary>
    public double? GradNorm { get; init; }
    public double? TokensPerSecond { get; init; }
    public IReadOnlyList<GpuFigures> Gpus { get; init; } = [];
}
