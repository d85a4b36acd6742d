using System.ComponentModel;

namespace LoraAspire.Pipelines.Stages.DataSources;

/// <summary>
/// Conversations: ShareGPT's <c>conversations</c> (from, value) or OpenAI's <c>messages</c> (role, content). Every answer of the model
/// carries loss.
/// </summary>
[Description(
    "ShareGPT `conversations` (from, value) or OpenAI `messages` (role, content) from .json, .jsonl, .parquet: "
    + "every answer and its EOS carry loss. A question after the last answer is cut off; conversations that don't alternate, use tools, "
    + "hold something else than text, or an answer of weight 0 are left out and counted")]
public sealed record ChatSource : RecordSource
{
    public required string Path { get; init; }

    public override IEnumerable<string> Files() => [Path];
}
