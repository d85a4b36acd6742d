using LoraAspire.Pipelines.Runs;

namespace LoraAspire.Runtime.Runs;

/// <summary>One line of what there is to read of a run.</summary>
/// <param name="Stage">Null when the line is about the run as a whole.</param>
public sealed record RunLogLine(DateTimeOffset At, string? Stage, string Text)
{
    private const int ShownOfDigest = 12;

    internal static RunLogLine? Of(ProgressPoint point) => point.Progress.Message is { } text ? new(point.At, point.Stage, text) : null;

    public static RunLogLine? Of(RunEvent happened) => happened switch
    {
        RunSubmitted e => new(e.At, null, string.Join('\n', [$"submitted: {e.Name} ({e.File})", .. e.Notes])),
        RunCancelling e => new(e.At, null, "cancelling"),
        RunFinished e => new(e.At, null, $"{e.Status}".ToLowerInvariant() + (e.Error is null ? "" : $": {e.Error}")),
        StageQueued { Attempt: 1 } e => new(e.At, e.Stage, e.Explain is null ? "queued" : $"queued: {e.Explain}"),
        StageQueued e => new(e.At, e.Stage, $"queued again, attempt {e.Attempt}"),
        StageCached e => new(e.At, e.Stage, "cached: these parameters and inputs were done before"),
        StageStarted e => new(e.At, e.Stage, $"started by {e.Worker}"),
        StageFinished e =>
            new(e.At, e.Stage, e.Outputs.Count == 0 ? "finished" : $"finished: {string.Join(", ", e.Outputs.Select(Short))}"),
        StageFailed e => new(e.At, e.Stage, $"failed ({$"{e.Cause}".ToLowerInvariant()}): {e.Error}"),
        StageCancelled e => new(e.At, e.Stage, "cancelled"),
        Unreadable e => new(e.At, null, $"entry {e.Entry} of this run's log can't be read: {e.Reason}"),
        _ => null,
    };

    private static string Short(KeyValuePair<string, string> output) =>
        $"{output.Key} {output.Value[..Math.Min(ShownOfDigest, output.Value.Length)]}";
}
