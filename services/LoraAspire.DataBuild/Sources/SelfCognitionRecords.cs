using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Written;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>What the model says of itself, in English and Chinese; each record checked before it is learned.</summary>
internal static class SelfCognitionRecords
{
    /// <param name="written">Records that a chat model wrote, behind our own.</param>
    /// <exception cref="StageException">The name or the developer can't be one.</exception>
    public static IEnumerable<SourceRecord> Read(SelfCognitionSource self, IReadOnlyList<InstructionRecord> written)
    {
        if (self.Problem() is { } problem)
        {
            throw new StageException($"{problem}.");
        }
        Identity.Identity english = new(self.Name, self.Developer, self.Abilities, self.Languages, InChinese: false);
        return english.All().Concat((english with { InChinese = true }).All()).Concat(written).Select((record, row) =>
            new SourceRecord(record, "self_cognition", row) { Dropped = IdentityCheck.Problem(record, self) });
    }
}
