using LoraAspire.Charts;
using LoraAspire.Lab.ResultPages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Lab.ComparePages;

/// <summary>One of the runs that are compared.</summary>
public sealed class ComparedRun(RunState run)
{
    public const int Fewest = 2;
    public const int Most = 6;

    /// <summary>So many losses are drawn as they are.</summary>
    private const int Few = 30;

    private readonly List<LossPoint> told = [];
    private IReadOnlyList<LossPoint> kept = [];
    private readonly Dictionary<(CurveAxis, bool), IReadOnlyList<CurvePoint>> curves = [];
    private DateTimeOffset? begun;

    public RunState Run { get; set; } = run;

    /// <summary>What it came to; null while that is being read.</summary>
    public RunResult? Result { get; set; }

    /// <summary>The stage whose losses are drawn: the last that trains.</summary>
    public StageState? Training => Run.Stages.LastOrDefault(stage => stage.Description is { Trains: true });

    /// <summary>Whether it knows all that there is to draw over this axis.</summary>
    public bool Knows(CurveAxis axis) => Training is null || told.Count > 0 || (axis != CurveAxis.Time && kept.Count > 0);

    /// <summary>Every step where they are kept, else what was told on the way; only that has times.</summary>
    public IReadOnlyList<LossPoint> Points(CurveAxis axis) => axis == CurveAxis.Time || kept.Count == 0 ? told : kept;

    /// <summary>Takes what a training that is over left beside its result.</summary>
    public void Keep(IReadOnlyList<StepMetrics> steps)
    {
        kept = [.. steps.Select(step => new LossPoint(step.Step, step.Loss, step.EvalLoss) { Tokens = step.Tokens })];
        curves.Clear();
    }

    /// <summary>
    /// What is drawn: no more points than a screen shows, and of many noisy ones their trend. The same until more is known.
    /// </summary>
    public IReadOnlyList<CurvePoint> Curve(CurveAxis axis, bool isValidation)
    {
        if (!curves.TryGetValue((axis, isValidation), out var curve))
        {
            var points = Points(axis).Select(point => (At: point.At(axis), Value: isValidation ? point.Validation : point.Loss))
                .Where(point => point is { At: not null, Value: { } value } && double.IsFinite(value))
                .Select(point => new CurvePoint(point.At!.Value, point.Value!.Value)).ToList();
            var thin = Plot.Thin(points);
            curves[(axis, isValidation)] = curve = isValidation || thin.Count <= Few ? thin : Plot.Smooth(thin);
        }
        return curve;
    }

    /// <summary>What was told is told again from the start.</summary>
    public void Begin()
    {
        told.Clear();
        curves.Clear();
        begun = null;
    }

    public void Tell(StageProgress progress, DateTimeOffset at)
    {
        if (progress.Training is not { } figures || (figures.Loss ?? figures.EvalLoss) is not { } value || !double.IsFinite(value))
        {
            return;
        }
        curves.Clear();
        begun ??= at;
        // One that goes on from a checkpoint tells again what its dead attempt told; a validation comes after its step.
        while (told.Count > 0 && (told[^1].Step > progress.Done || (told[^1].Step == progress.Done && figures.Loss is not null)))
        {
            told.RemoveAt(told.Count - 1);
        }
        told.Add(new(progress.Done, figures.Loss, figures.EvalLoss)
        {
            Tokens = figures.Tokens,
            Seconds = (at - begun.Value).TotalSeconds,
        });
    }
}

/// <summary>A training at a step. What isn't known there is null.</summary>
public sealed record LossPoint(long Step, double? Loss, double? Validation)
{
    public long? Tokens { get; init; }

    /// <summary>Since its first step was told.</summary>
    public double? Seconds { get; init; }

    /// <summary>Where it stands on this axis; null where that isn't known.</summary>
    public double? At(CurveAxis axis) => axis switch { CurveAxis.Tokens => Tokens, CurveAxis.Time => Seconds, _ => Step };
}

/// <summary>What curves of several runs are drawn over.</summary>
public enum CurveAxis { Steps, Tokens, Time }
