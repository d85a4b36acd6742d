using System.Diagnostics.Metrics;
using LoraAspire.Pipelines.Runs;

namespace LoraAspire.Runtime.Hosting;

/// <summary>The figures of the pipeline itself: what waits, what was handed over, what came of it.</summary>
public static class RunMeter
{
    public const string Name = "LoraAspire.Runs";

    private static readonly Meter Meter = new(Name);
    private static readonly Counter<long> Runs = Meter.CreateCounter<long>("lora.runs", "{run}", "Runs that ended");
    private static readonly Counter<long> Attempts =
        Meter.CreateCounter<long>("lora.attempts", "{attempt}", "Attempts that ended, by what came of them");
    private static readonly Histogram<double> AttemptDuration =
        Meter.CreateHistogram<double>("lora.attempt.duration", "s", "From the moment a worker took an order to its outcome");
    private static readonly Histogram<double> HandOver =
        Meter.CreateHistogram<double>("lora.handover.duration", "s", "From the moment an order was queued to the moment a worker took it");
    private static readonly Gauge<long> Queue =
        Meter.CreateGauge<long>("lora.queue.length", "{order}", "Orders that no worker has taken yet");

    public static void Ended(RunFinished end) => Runs.Add(1, new KeyValuePair<string, object?>("status", Word(end.Status)));

    /// <param name="outcome">In one word: finished, given-back, died, or the cause of the failure.</param>
    public static void Ended(string kind, string outcome, TimeSpan after)
    {
        KeyValuePair<string, object?>[] tags = [new("kind", kind), new("outcome", outcome)];
        Attempts.Add(1, tags);
        AttemptDuration.Record(after.TotalSeconds, tags);
    }

    public static void HandedOver(string kind, TimeSpan after) =>
        HandOver.Record(after.TotalSeconds, new KeyValuePair<string, object?>("kind", kind));

    public static void Waiting(string kind, long orders) => Queue.Record(orders, new KeyValuePair<string, object?>("kind", kind));

    private static string Word(Enum value) => value.ToString().ToLowerInvariant();
}
