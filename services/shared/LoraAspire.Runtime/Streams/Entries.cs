using System.Diagnostics;
using LoraAspire.Pipelines.Messages;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Streams;

/// <summary>Records ↔ stream entries.</summary>
public static class Entries
{
    public static NameValueEntry[] ToEntry<T>(T message) where T : class =>
        [.. Wire.Encode(message, Activity.Current?.Id).Select(field => new NameValueEntry(field.Key, field.Value))];

    /// <summary>Field, value, field, value: the form that scripts take.</summary>
    public static RedisValue[] ToArguments<T>(T message) where T : class =>
        [.. Wire.Encode(message, Activity.Current?.Id).SelectMany(field => new RedisValue[] { field.Key, field.Value })];

    /// <exception cref="WireException">It cannot be read.</exception>
    public static T Read<T>(StreamEntry entry) where T : class =>
        Wire.Decode<T>(entry.Values.Select(field => KeyValuePair.Create(field.Name.ToString(), field.Value.ToString())));

    public static string? Field(StreamEntry entry, string name) =>
        entry[name] is { IsNull: false } value ? value.ToString() : null;
}
