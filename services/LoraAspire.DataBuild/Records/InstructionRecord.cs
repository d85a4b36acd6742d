using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts;

namespace LoraAspire.DataBuild.Records;

/// <summary>One example before tokenising. An empty input means that there is none.</summary>
internal sealed record InstructionRecord(string Instruction, string Input, string Output)
{
    /// <summary>The turns before this one, each with its answer; the answers carry loss too.</summary>
    public IReadOnlyList<Turn> History { get; init; } = [];

    /// <summary>A conversation's system message, or null.</summary>
    public string? System { get; init; }

    /// <summary>What was thought before <see cref="Output"/> (reasoning_content), or null; turns of the history have their own.</summary>
    public string? Reasoning { get; init; }

    /// <summary>The JSON array of the tools that a conversation has, or null.</summary>
    public string? Tools { get; init; }

    /// <summary>
    /// The conversation as a chat template is given it, from the system message to the last answer, where turns of a question and an answer
    /// can't say it (calls of tools and what they gave, another order); else null. The texts above then hold who said what, for comparing.
    /// </summary>
    public IReadOnlyList<ChatMessage>? Messages { get; init; }

    /// <summary>An answer says nothing; of <see cref="Messages"/>, one that calls no tool either.</summary>
    public bool HasEmptyAnswer
    {
        get => Messages is not null ? field
            : string.IsNullOrWhiteSpace(Output) || History.Any(turn => string.IsNullOrWhiteSpace(turn.Answer));
        init;
    }
}
