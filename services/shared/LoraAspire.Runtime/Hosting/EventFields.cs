using System.Text.Json;
using LoraAspire.Pipelines.Terminal;
using Microsoft.Extensions.Logging;

namespace LoraAspire.Runtime.Hosting;

/// <summary>
/// Attributes of a logged event, on their way from the process of an attempt to its worker. Events are told from lines of text by the dots
/// in their names, which OpenTelemetry's have and names of methods don't.
/// </summary>
internal static class EventFields
{
    /// <summary>Null where no event was logged.</summary>
    public static IReadOnlyDictionary<string, JsonElement>? Of<TState>(EventId id, TState state) =>
        id.Name?.Contains('.') is true && state is IEnumerable<KeyValuePair<string, object?>> fields
            // What JSON can't hold is left out: a log must not fail the stage that writes it.
            ? fields.Where(field => (field.Value is string || field.Value is double number && double.IsFinite(number))
                && field.Key != "{OriginalFormat}").DistinctBy(field => field.Key)
                .ToDictionary(field => field.Key, field => JsonSerializer.SerializeToElement(field.Value))
            : null;

    public static void Log(ILogger log, LogLevel level, string name, IReadOnlyDictionary<string, JsonElement> fields, string text)
    {
        List<KeyValuePair<string, object?>> state = [.. fields.Select(field => KeyValuePair.Create(field.Key, Value(field.Value)))];
        log.Log(level, new EventId(0, name), state, null, (_, _) => text);
    }

    private static object? Value(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number when value.TryGetDouble(out var number) => number,
        JsonValueKind.String => TerminalText.Clean(value.GetString()!),
        _ => null,
    };
}
