using System.Text.Json.Serialization;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Runs;

/// <summary>One entry of <c>lora:progress:{run}</c>.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(ProgressPoint), "progress")]
public record ProgressPoint(string Run, DateTimeOffset At, string Stage, StageProgress Progress)
{
    /// <summary>The point, or that it can't be read.</summary>
    internal static ProgressPoint Of(string run, StreamEntry entry)
    {
        try
        {
            var point = Entries.Read<ProgressPoint>(entry);
            MessageFormatException.Require(Identifiers.IsStage(point.Stage), $"'{Identifiers.Shown(point.Stage)}' is no stage id");
            return point;
        }
        catch (MessageFormatException error)
        {
            var stage = Entries.Field(entry, "stage");
            var message = $"entry {entry.Id} of this run's progress can't be read: {error.Message}";
            return new(run, Entries.Time(entry), Identifiers.IsStage(stage) ? stage! : "?", new StageProgress(Message: message));
        }
    }
}
