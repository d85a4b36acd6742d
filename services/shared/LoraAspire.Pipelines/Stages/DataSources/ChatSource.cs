using System.ComponentModel;

namespace LoraAspire.Pipelines.Stages.DataSources;

/// <summary>
/// Conversations: ShareGPT's <c>conversations</c> (from, value) or OpenAI's <c>messages</c> (role, content). Every answer of the model
/// carries loss.
/// </summary>
[Description(
    "ShareGPT `conversations` (from, value) or OpenAI `messages` (role, content) from .json, .jsonl, .parquet: "
    + "every answer and its EOS carry loss. A question after the last answer is cut off, and what a prompt template has no place for "
    + "(reasoning_content, a list of tools); a conversation with calls of tools, turns that don't alternate, an empty turn, an image or "
    + "an answer of weight 0 is left out. All of it is counted")]
public sealed record ChatSource : RecordSource
{
    /// <summary>The file, relative to the data root: .json, .jsonl, .parquet.</summary>
    public required string Path { get; init; }

    public override IEnumerable<string> Files() => [Path];
}
