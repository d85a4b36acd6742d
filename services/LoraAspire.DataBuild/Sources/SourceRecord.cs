using LoraAspire.DataBuild.Records;

namespace LoraAspire.DataBuild.Sources;

/// <summary>A record and where it comes from. <paramref name="Row"/> counts from 0 in its source; <paramref name="Line"/> is the line of a file, 0 when there is none.</summary>
public sealed record SourceRecord(InstructionRecord Record, string Source, long Row, long Line = 0)
{
    /// <summary>Why the record is left out (a filter, a repetition); null when it is wanted. It stays in the stream to be counted.</summary>
    public string? Dropped { get; init; }

    /// <summary>The texts that decide whether two records say the same; null takes instruction, input and output. A source whose templates would hide it gives its own (a sentence pair).</summary>
    public string? Subject { get; init; }

    /// <summary>For messages: file:line, or the source's name.</summary>
    public string Where => Line > 0 ? $"{Source}:{Line}" : Source;
}
