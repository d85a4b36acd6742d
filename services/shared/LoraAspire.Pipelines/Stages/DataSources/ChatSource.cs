

namespace LoraAspire.Pipelines.Stages.DataSources;

/// <summary>Conversations: ShareGPT's <c>conversations</c> (from, value) or OpenAI's <c>messages</c> (role, content). Every answer of the model carries loss.</summary>
public sealed record ChatSource : RecordSource
{
    public required string Path { get; init; }

    public override IEnumerable<string> Files() => [Path];
}
