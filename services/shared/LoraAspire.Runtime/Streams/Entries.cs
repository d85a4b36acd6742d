using System.Diagnostics;
using System.Globalization;
using LoraAspire.Pipelines.Messages;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Streams;

/// <summary>Records ↔ stream entries.</summary>
public static class Entries
{
    public const string TraceParent = "traceparent";

    public static NameValueEntry[] ToEntry<T>(T message) where T : class =>
        [.. Wire.Encode(message, Activity.Current?.Id).Select(field => new NameValueEntry(field.Key, field.Value))];

    /// <summary>Field, value, field, value: the form that scripts take.</summary>
    /// <param name="traceParent">The span to name as the writer when none is open here.</param>
    public static RedisValue[] ToArguments<T>(T message, string? traceParent = null) where T : class =>
        [.. Wire.Encode(message, Activity.Current?.Id ?? traceParent).SelectMany(field => new RedisValue[] { field.Key, field.Value })];

    /// <exception cref="WireException">It cannot be read.</exception>
    public static T Read<T>(StreamEntry entry) where T : class =>
        Wire.Decode<T>(entry.Values.Select(field => KeyValuePair.Create(field.Name.ToString(), field.Value.ToString())));

    /// <summary>How long ago it was written, by the clocks of Redis and of this machine: for people, not for decisions.</summary>
    public static TimeSpan Age(StreamEntry entry)
    {
        var age = DateTimeOffset.UtcNow - DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(entry.Id.ToString().Split('-')[0], CultureInfo.InvariantCulture));
        return age > TimeSpan.Zero ? age : TimeSpan.Zero;
    }

    public static string? Field(StreamEntry entry, string name) =>
        entry[name] is { IsNull: false } value ? value.ToString() : null;
}
