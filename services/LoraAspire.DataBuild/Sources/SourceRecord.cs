using LoraAspire.DataBuild.Records;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>
/// A record and where it comes from. <paramref name="Row"/> counts from 0 in its source; <paramref name="Line"/> is the line of a file, 0
/// when there is none.
/// </summary>
internal sealed record SourceRecord(InstructionRecord Record, string Source, long Row, long Line = 0)
{
    /// <summary>
    /// Why the record is left out (a filter, a repetition); null when it is wanted. It stays in the stream to be counted.
    /// </summary>
    public string? Dropped { get; init; }

    /// <summary>
    /// Why only a chat template can write the record (tools, turns that don't alternate); null where a prompt template can as well.
    /// </summary>
    public string? NeedsChatTemplate { get; init; }

    /// <summary>Parts of the file's record that no row holds, to be counted: a question after the last answer.</summary>
    public IReadOnlyList<string> LeftOut { get; init; } = [];

    /// <summary>
    /// Parts that a chat template may have a place for, and a prompt template doesn't: reasoning_content, a list of tools.
    /// </summary>
    public IReadOnlyList<string> ForChatTemplates { get; init; } = [];

    /// <summary>The record as prompt templates can write it: what they have no place for is left out and counted.</summary>
    public SourceRecord ForPromptTemplate() => NeedsChatTemplate is null && ForChatTemplates.Count == 0 ? this : this with
    {
        Dropped = Dropped ?? NeedsChatTemplate,
        LeftOut = [.. LeftOut, .. ForChatTemplates],
        NeedsChatTemplate = null,
        ForChatTemplates = [],
        Record = Record with
        {
            Messages = null,
            Tools = null,
            Reasoning = null,
            History = [.. Record.History.Select(turn => turn with { Reasoning = null })],
        },
    };

    /// <summary>
    /// The pair that a template was put around; null for other records. Repetitions are found by it, whatever the template.
    /// </summary>
    public SentencePair? Pair { get; init; }

    /// <summary>
    /// The cells that a template of a table was put around, without those of the answer; null for other records. For the same end.
    /// </summary>
    public string? Content { get; init; }

    /// <summary>For messages: file:line, or file and row where the file has no lines, or the source's name.</summary>
    public string Where => new Place(Source, Row, Line).ToString();
}

/// <summary>A sentence and its translation.</summary>
internal sealed record SentencePair(string Source, string Target);

/// <summary>
/// Where a row of a data file stands. <paramref name="Row"/> counts from 0, <paramref name="Line"/> from 1; 0 where the file has no lines.
/// </summary>
internal readonly record struct Place(string File, long Row, long Line)
{
    public StageException Wrong(string words) => new($"{this}: {words}.");

    public override string ToString() => Line > 0 ? $"{File}:{Line}" : $"{File} (row {Row})";
}
