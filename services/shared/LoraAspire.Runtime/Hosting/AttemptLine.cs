using System.Text.Json;
using System.Text.Json.Serialization;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using Microsoft.Extensions.Logging;

namespace LoraAspire.Runtime.Hosting;

/// <summary>
/// What the process of an attempt tells its worker, one JSON text a line on its standard output. Each stands after the sign that RFC 7464
/// puts before a text, so that what native code prints there as well is told apart.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(ProgressLine), "progress")]
[JsonDerivedType(typeof(LoggedLine), "log")]
[JsonDerivedType(typeof(SpanLine), "span")]
[JsonDerivedType(typeof(FinishedLine), "finished")]
[JsonDerivedType(typeof(FailedLine), "failed")]
[JsonDerivedType(typeof(StoppedLine), "stopped")]
internal abstract record AttemptLine
{
    private const char Sign = '\u001e';

    /// <summary>With a line break before it: something else may have begun a line.</summary>
    public string ToText() => $"\n{Sign}{JsonSerializer.Serialize(this, MessageFormat.Json)}\n";

    /// <summary>Null when the line is none of ours.</summary>
    public static AttemptLine? Read(string line)
    {
        try
        {
            return line.IndexOf(Sign) is var at and >= 0 ? JsonSerializer.Deserialize<AttemptLine>(line.AsSpan(at + 1), MessageFormat.Json)
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

internal sealed record ProgressLine(StageProgress Progress) : AttemptLine;

internal sealed record LoggedLine(LogLevel Level, string Category, string Text) : AttemptLine
{
    /// <summary>The name that OpenTelemetry has for what happened, such as gen_ai.evaluation.result; null for a line of text.</summary>
    public string? Event { get; init; }

    /// <summary>The event's attributes: texts and numbers.</summary>
    public IReadOnlyDictionary<string, JsonElement>? Fields { get; init; }
}

/// <summary>A part of the attempt that is over.</summary>
internal sealed record SpanLine(string Name, DateTimeOffset Start, DateTimeOffset End, string? Error) : AttemptLine;

internal sealed record FinishedLine(IReadOnlyDictionary<string, string> Outputs) : AttemptLine;

internal sealed record FailedLine(FailureCause Cause, string Words) : AttemptLine;

/// <summary>It was asked to stop and did.</summary>
internal sealed record StoppedLine : AttemptLine;

/// <summary>
/// What the worker tells it, on the first line of its standard input. A line after it asks for a stop; the end of the input is the worker's
/// death.
/// </summary>
internal sealed record AttemptTask(StageOrder Order, string Worker)
{
    public string ToText() => JsonSerializer.Serialize(this, MessageFormat.Json);

    /// <exception cref="JsonException">It is none.</exception>
    public static AttemptTask Read(string line) =>
        JsonSerializer.Deserialize<AttemptTask>(line, MessageFormat.Json) ?? throw new JsonException("null");
}
