using LoraAspire.Model.Generation;

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
}
