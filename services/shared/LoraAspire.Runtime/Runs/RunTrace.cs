using System.Diagnostics;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;

namespace LoraAspire.Runtime.Runs;

/// <summary>
/// The spans of a run. They make one trace over all processes: each stream entry names the span that wrote it, and what comes from
/// elsewhere, such as a cancel from a terminal, is put under the run's first entry and linked to where it came from.
/// </summary>
public static class RunTrace
{
    public const string SourceName = "LoraAspire.Runs";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>LORA_LAB_URL: the address of the pages of runs. Without it spans carry no link.</summary>
    private static readonly string? Lab = Environment.GetEnvironmentVariable("LORA_LAB_URL")?.TrimEnd('/');

    /// <summary>The first span of a run, and so of its trace: a page's request that submits two runs is no part of either.</summary>
    internal static Activity? Submit(string run, string name)
    {
        var asked = Activity.Current;
        Activity.Current = null;
        return Source.StartActivity($"submit {name}", ActivityKind.Producer, default(ActivityContext), [],
            asked is null ? null : [new(asked.Context)])?.OfRun(run);
    }

    /// <summary>The submission by somebody who keeps no trace, from its own time until now.</summary>
    public static void Submitted(SubmitRun submit, out string? traceParent)
    {
        var now = TimeProvider.System.GetUtcNow();
        Activity.Current = null;
        using var span = Source.StartActivity($"submit {submit.File}", ActivityKind.Producer, default(ActivityContext), [], null,
            submit.At < now ? submit.At : now)?.OfRun(submit.Run);
        traceParent = span?.Id;
    }

    /// <summary>The handling of one inbox entry.</summary>
    /// <param name="parent">The span that wrote the entry.</param>
    /// <param name="run">A span of the run's trace, when it has one already.</param>
    public static Activity? Decide(InboxMessage message, string? parent, string? run)
    {
        var (from, own) = (Context(parent), Context(run));
        var stranger = from is { } one && own is { } other && one.TraceId != other.TraceId;
        var stage = message as AttemptMessage;
        return Source.StartActivity($"decide {Word(message)}{(stage is null ? "" : $" {stage.Stage}")}", ActivityKind.Consumer,
            (stranger ? own : from ?? own) ?? default, [], stranger ? [new(from!.Value)]
                : null)?.OfRun(message.Run, stage?.Stage, stage?.Attempt);
    }

    /// <summary>What came of a decision.</summary>
    public static void Decided(this Activity span, Decision decision)
    {
        span.SetTag("lora.events", string.Join(", ",
            decision.Events.Select(happened => happened is StageEvent stage ? $"{Word(happened)} {stage.Stage}" : Word(happened))));
        if (decision.Events.OfType<RunFinished>().FirstOrDefault() is { } end)
        {
            span.SetTag("lora.run.status", end.Status.ToString());
            span.SetStatus(end.Status == RunStatus.Failed ? ActivityStatusCode.Error : ActivityStatusCode.Ok, end.Error);
        }
    }

    /// <summary>
    /// One attempt, from the moment its worker took it. A span shows when it ends, which may be in hours: another of no length says now
    /// that it began, and is its parent.
    /// </summary>
    public static Activity? Attempt(StageOrder order, string worker, string? parent)
    {
        Activity? begun;
        using (begun = Source.StartActivity($"{order.Kind} {order.Stage} started", ActivityKind.Consumer,
            Context(parent) ?? default)?.OfRun(order.Run, order.Stage, order.Attempt))
        {
            begun?.SetTag("lora.worker", worker);
        }
        return Source.StartActivity($"{order.Kind} {order.Stage}", ActivityKind.Internal, begun?.Context ?? Context(parent) ?? default)
            ?.OfRun(order.Run, order.Stage, order.Attempt).SetTag("lora.worker", worker);
    }

    /// <param name="outcome">In one word, as metrics have it.</param>
    internal static void Ended(this Activity span, string outcome, string? error)
    {
        span.SetTag("lora.outcome", outcome);
        span.SetStatus(error is null ? ActivityStatusCode.Ok : ActivityStatusCode.Error, error);
    }

    /// <summary>A part of an attempt.</summary>
    internal static Activity? Part(string name, StageOrder order) =>
        Source.StartActivity(name)?.OfRun(order.Run, order.Stage, order.Attempt);

    /// <summary>A part that is over, as another process tells it.</summary>
    internal static void Part(string name, StageOrder order, Activity? attempt, DateTimeOffset start, DateTimeOffset end, string? error)
    {
        if (attempt is not null && Source.StartActivity(name, ActivityKind.Internal, attempt.Context, startTime: start)?.OfRun(order.Run,
            order.Stage, order.Attempt) is { } span)
        {
            span.SetStatus(error is null ? ActivityStatusCode.Unset : ActivityStatusCode.Error, error);
            span.SetEndTime(end.UtcDateTime);
            span.Dispose();
        }
    }

    private static Activity OfRun(this Activity span, string run, string? stage = null, int? attempt = null)
    {
        span.SetTag("lora.run", run);
        span.SetTag("lora.run.url", Lab is null ? null : $"{Lab}/runs/{run}");
        span.SetTag("lora.stage", stage);
        return span.SetTag("lora.attempt", attempt);
    }

    private static ActivityContext? Context(string? traceParent) =>
        ActivityContext.TryParse(traceParent, null, isRemote: true, out var context) ? context : null;

    private static string Word(object message) => MessageFormat.TypeOf(message);
}
