using System.Diagnostics;
using System.Globalization;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Messages;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Streams;

/// <summary>Records ↔ stream entries.</summary>
public static class Entries
{
    public const string TraceParent = "traceparent";

    public static NameValueEntry[] ToEntry<T>(T message) where T : class =>
        [.. MessageFormat.Encode(message, Activity.Current?.Id).Select(field => new NameValueEntry(field.Key, field.Value))];

    /// <summary>Field, value, field, value: the form that scripts take.</summary>
    /// <param name="traceParent">The span to name as the writer when none is open here.</param>
    public static RedisValue[] ToArguments<T>(T message, string? traceParent = null) where T : class =>
        [.. MessageFormat.Encode(message, Activity.Current?.Id ?? traceParent)
            .SelectMany(field => new RedisValue[] { field.Key, field.Value })];

    /// <exception cref="MessageFormatException">It cannot be read.</exception>
    public static T Read<T>(StreamEntry entry) where T : class =>
        MessageFormat.Decode<T>(entry.Values.Select(field => KeyValuePair.Create(field.Name.ToString(), field.Value.ToString())));

    /// <summary>Null when it isn't there, or stands there twice with different values.</summary>
    public static string? Field(StreamEntry entry, string name) =>
        entry.Values.Where(field => field.Name == name).Select(field => field.Value.ToString()).Distinct().ToList() is [var value] ? value
            : null;

    /// <summary>The run that an entry names, readable or not.</summary>
    public static string? Run(StreamEntry entry) => Field(entry, "run") is { } run && Identifiers.IsRun(run) ? run : null;

    /// <summary>An outcome that cannot be read still ends its attempt, else the run would wait for ever.</summary>
    public static AttemptFailed? FailedAttempt(StreamEntry entry, string reason, DateTimeOffset now) =>
        Run(entry) is { } run && Field(entry, "stage") is { } stage && Identifiers.IsStage(stage)
            && int.TryParse(Field(entry, "attempt"), NumberStyles.None, CultureInfo.InvariantCulture, out var attempt)
            && Identifiers.IsAttempt(attempt)
            ? new(run, now, stage, attempt, FailureCause.Poison, reason)
            : null;

    /// <summary>When it was written, by Redis's clock.</summary>
    public static DateTimeOffset Time(StreamEntry entry)
    {
        var milliseconds = ulong.TryParse(entry.Id.ToString().Split('-')[0], CultureInfo.InvariantCulture, out var read) ? read : 0;
        return milliseconds < (ulong)DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
            ? DateTimeOffset.FromUnixTimeMilliseconds((long)milliseconds) : DateTimeOffset.MaxValue;
    }

    /// <summary>How long ago it was written, by the clocks of Redis and of this machine: for people, not for decisions.</summary>
    public static TimeSpan Age(StreamEntry entry, DateTimeOffset now) =>
        now - Time(entry) is var age && age > TimeSpan.Zero ? age : TimeSpan.Zero;
}
