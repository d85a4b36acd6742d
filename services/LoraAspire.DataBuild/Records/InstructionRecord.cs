using System.Text.Json;
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

    /// <summary>
    /// The conversation as a chat template is given it, from the system message to the last answer, where it holds more than the texts
    /// above do (calls of tools and what they gave, reasoning_content, an order of its own); else null.
    /// </summary>
    public IReadOnlyList<ChatMessage>? Messages { get; init; }

    /// <summary>The tools that a chat template is told of: a list of functions with their JSON schemas. Null for none.</summary>
    public JsonElement? Tools { get; init; }
}
