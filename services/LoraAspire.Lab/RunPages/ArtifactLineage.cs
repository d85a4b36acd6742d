using LoraAspire.Lab.Languages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Lab.RunPages;

/// <summary>From what an artifact was made, and what was made from it, in all runs that are known.</summary>
/// <param name="Digest">Null of a model that isn't in the store.</param>
public sealed record LineageEnd(string What, string? Run, string? Digest);

public sealed record ArtifactLineage(IReadOnlyList<LineageEnd> MadeFrom, IReadOnlyList<LineageEnd> UsedBy)
{
    /// <param name="run">The run that shows it; its stage gave the artifact.</param>
    /// <param name="all">Runs that may have used it, too.</param>
    public static ArtifactLineage Of(RunState run, StageState stage, string digest, IEnumerable<RunState> all) => new(
        [.. stage.Inputs.OrderBy(input => input.Key, StringComparer.Ordinal).Select(input => From(run, stage, input.Key, input.Value))],
        [.. all.Where(other => other.Id != run.Id).Prepend(run)
            .SelectMany(other => other.Stages.Where(one => Takes(other, one, digest)).Select(one => Use(run, other, one)))]);

    private static LineageEnd From(RunState run, StageState stage, string name, string written) =>
        new($"{name}: {written}", null, stage.Source(name) is StageOutput output ? Given(run, output) : null);

    private static bool Takes(RunState run, StageState stage, string digest) =>
        stage.Inputs.Keys.Any(name => stage.Source(name) is StageOutput output && Given(run, output) == digest);

    private static LineageEnd Use(RunState shown, RunState run, StageState stage) => new(
        run.Id == shown.Id ? stage.Id : Words.Of("{0} of {1}", stage.Id, run.Name.Length > 0 ? run.Name : run.Id),
        run.Id == shown.Id ? null : run.Id, stage.Outputs.Values.FirstOrDefault());

    private static string? Given(RunState run, StageOutput output) => run.Stage(output.Stage)?.Outputs.GetValueOrDefault(output.Output);
}
