using LoraAspire.Pipelines.Runs;

namespace LoraAspire.Runtime.Store;

/// <summary>What runs want of the store: those that go on, and those that ended after a day from which on they count.</summary>
/// <param name="Artifacts">Digests of what their stages gave.</param>
/// <param name="Keys">Keys of their stages: an unfinished one may go on from its checkpoint.</param>
/// <param name="Live">Ids of those that go on; null when nobody could be asked.</param>
public sealed record RunNeeds(IReadOnlySet<string> Artifacts, IReadOnlySet<string> Keys, IReadOnlySet<string>? Live)
{
    public static RunNeeds Unknown { get; } = new(new HashSet<string>(), new HashSet<string>(), null);

    public static RunNeeds Of(IEnumerable<RunState> runs, DateTimeOffset since)
    {
        var wanted = runs.Where(run => run.Version > 0 && (!run.IsOver || run.FinishedAt >= since)).ToList();
        return new(
            wanted.SelectMany(run => run.Stages).SelectMany(stage => stage.Outputs.Values).ToHashSet(),
            wanted.SelectMany(run => run.Stages).Select(stage => stage.Key).OfType<string>().ToHashSet(),
            wanted.Where(run => !run.IsOver).Select(run => run.Id).ToHashSet());
    }
}
