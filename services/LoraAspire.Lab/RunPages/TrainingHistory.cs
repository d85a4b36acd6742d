using LoraAspire.Charts;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Lab.RunPages;

/// <summary>The progress of one stage so far.</summary>
public sealed class TrainingHistory
{
    private readonly List<CurvePoint> loss = [];
    private readonly List<CurvePoint> evalLoss = [];
    private readonly List<CurvePoint> learningRate = [];

    public IReadOnlyList<CurvePoint> Loss => loss;
    public IReadOnlyList<CurvePoint> EvalLoss => evalLoss;
    public IReadOnlyList<CurvePoint> LearningRate => learningRate;

    /// <summary>The last progress that counts something; null when only log lines came.</summary>
    public StageProgress? Latest { get; private set; }

    /// <summary>The last known speed in tokens a second; evaluation and saving do not tell one.</summary>
    public double? TokensPerSecond { get; private set; }

    /// <summary>What the stage said last, in words.</summary>
    public string? LatestMessage { get; private set; }

    /// <summary>Of a training that is over.</summary>
    public static TrainingHistory Of(IReadOnlyList<StepMetrics> steps)
    {
        var history = new TrainingHistory();
        foreach (var step in steps)
        {
            history.Add(step.ToProgress(steps[^1].Step));
        }
        return history;
    }

    public void Add(StageProgress progress)
    {
        LatestMessage = progress.Message ?? LatestMessage;
        if (progress.Total == 0 && progress.Done == 0)
        {
            return;
        }
        Latest = progress;
        TokensPerSecond = progress.TokensPerSecond ?? TokensPerSecond;
        if (progress.Training?.Loss is not null)
        {
            // A stage that goes on from a checkpoint tells again what its dead attempt told.
            Forget(loss, progress.Done);
            Forget(learningRate, progress.Done);
            Forget(evalLoss, progress.Done + 1);
        }
        Keep(loss, progress.Done, progress.Training?.Loss);
        Keep(learningRate, progress.Done, progress.Training?.LearningRate);
        Keep(evalLoss, progress.Done, progress.Training?.EvalLoss);
    }

    private static void Forget(List<CurvePoint> curve, long from)
    {
        while (curve.Count > 0 && curve[^1].Step >= from)
        {
            curve.RemoveAt(curve.Count - 1);
        }
    }

    private static void Keep(List<CurvePoint> curve, long step, double? value)
    {
        if (value is { } number && double.IsFinite(number))
        {
            Forget(curve, step);
            curve.Add(new CurvePoint(step, number));
        }
    }
}
