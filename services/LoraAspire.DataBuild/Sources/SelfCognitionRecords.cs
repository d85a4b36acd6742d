using LoraAspire.DataBuild.Identity;
using LoraAspire.DataBuild.Written;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>
/// What the model says of itself, in English and Chinese, our own and what a chat model wrote; each record checked before it is learned.
/// </summary>
internal sealed class SelfCognitionRecords : ISourceReader<SelfCognitionSource>
{
    /// <exception cref="StageException">The name or the developer can't be one.</exception>
    public static IEnumerable<SourceRecord> Read(SelfCognitionSource source, SourceContext context) =>
        source.Problem() is { } problem ? throw new StageException($"{problem}.")
        : new[] { false, true }.SelectMany(inChinese => new IdentityBank(source, inChinese).All()).Concat(context.WrittenRecords)
            .Select((record, row) => new SourceRecord(record, "self_cognition", row) { Dropped = IdentityCheck.Problem(record, source) });

    public static IEnumerable<Assignment> Asked(SelfCognitionSource source, SourceContext context) =>
        source.Written == 0 ? []
        :
        [
            new IdentityAssignment(source, InChinese: false, (source.Written + 1) / 2),
            new IdentityAssignment(source, InChinese: true, source.Written / 2),
        ];
}
