using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Terminal;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Logging;

namespace LoraAspire.Runtime.Hosting;

/// <summary>What came of an attempt, and so what becomes of its order.</summary>
/// <param name="Word">In one word, for metrics and traces.</param>
/// <param name="Error">Null when nothing went wrong.</param>
internal abstract record AttemptEnd(string Word, string? Error)
{
    /// <summary>The coordinator is told.</summary>
    public sealed record Reported(InboxMessage Outcome, string Word, string? Error) : AttemptEnd(Word, Error);

    /// <summary>
    /// There is nobody to tell it for: the order was lost, this worker stops, or another has taken its GPU. Whoever takes it goes on from
    /// the last checkpoint.
    /// </summary>
    public sealed record GivenBack(string? Words = null) : AttemptEnd("given-back", Words);

    /// <summary>Its process was ended from outside. Another goes on from the last checkpoint, a few times.</summary>
    public sealed record Died(string Words) : AttemptEnd("died", Words);

    /// <summary>Runs the attempt to its end, its timeout, or the end of its lease. Waiting for a GPU is no part of its time.</summary>
    /// <param name="gpus">Null where no attempt takes any.</param>
    public static async Task<AttemptEnd> OfAsync(IAttempt attempt, StageOrder order, string worker, IProgress<StageProgress> progress,
        Heartbeat heart, GpuClaims? gpus, TimeProvider clock, ILogger log)
    {
        TimeSpan? limit = order.TimeoutSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
        using var timeout = new StageTimeout(limit, clock);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(heart.Token, timeout.Token);
        try
        {
            await using var held = gpus is null ? null : await gpus.TakeAsync(order, worker, progress, stop.Token);
            timeout.Start();
            var outputs = held is null ? await attempt.RunAsync(order, worker, null, progress, stop.Token)
                : await held.WhileHeldAsync(lost => attempt.RunAsync(order, worker, held.Visible, progress, lost));
            return new Reported(new AttemptFinished(order.Run, clock.GetUtcNow(), order.Stage, order.Attempt, outputs), "finished",
                null);
        }
        catch (Exception error)
        {
            if (heart.State == LeaseState.Lost || (heart.Stopping && error is OperationCanceledException))
            {
                return new GivenBack();
            }
            if (error is GpuLostException && heart.State == LeaseState.Held && !timeout.HasPassed)
            {
                log.LogWarning("{Stage}: {Words}", order.Stage, error.Message);
                return new GivenBack(error.Message);
            }
            if (error is AttemptDiedException && heart.State == LeaseState.Held && !timeout.HasPassed)
            {
                log.LogError("{Stage}: {Words}", order.Stage, error.Message);
                return new Died(error.Message);
            }
            var (cause, words) = heart.State == LeaseState.Cancelled ? (FailureCause.Cancelled, "cancelled")
                : timeout.HasPassed
                ? (FailureCause.Timeout, $"ran longer than its timeout of {Duration.OfSeconds(order.TimeoutSeconds!.Value)}")
                : error is AttemptFailedException known ? (known.Cause, known.Message)
                : Failure.Of(error);
            log.LogError(error, "{Stage} failed ({Cause}): {Words}", order.Stage, cause, words);
            var failed = new AttemptFailed(order.Run, clock.GetUtcNow(), order.Stage, order.Attempt, cause, words);
            return new Reported(failed, cause.ToString().ToLowerInvariant(), words);
        }
    }
}
