using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Streams;

namespace LoraAspire.Runtime.Runs;

/// <summary>All runs at one look.</summary>
/// <param name="Runs">The newest first.</param>
/// <param name="Notes">By run; those that have none are left out.</param>
/// <param name="Workers">Those that live, coordinators too.</param>
public sealed record RunsNow(
    IReadOnlyList<RunState> Runs, IReadOnlyDictionary<string, RunNote> Notes, IReadOnlyList<LivingWorker> Workers)
{
    public RunNote NoteOf(string run) => Notes.GetValueOrDefault(run, RunNote.None);

    /// <summary>What a run waits for; null of one that is over, that works, or of which nothing is queued.</summary>
    public Queueing? QueueingOf(RunState run) =>
        run.Stages.Exists(stage => stage.Status == StageStatus.Running) ? null : QueueingsOf(run).FirstOrDefault();

    /// <summary>Why each of its queued stages has no worker yet.</summary>
    public IEnumerable<Queueing> QueueingsOf(RunState run) =>
        from stage in run.Stages
        where !run.IsOver && stage.Status == StageStatus.Queued
        select new Queueing(stage, NobodyCan.Of(stage, Workers), [.. Runs.Where(other => !other.IsOver && other.Id != run.Id
            && other.Stages.Exists(one => one.Status == StageStatus.Running && one.Kind == stage.Kind))]);
}

/// <summary>Why a run's stage has no worker yet.</summary>
/// <param name="Nobody">That no living worker can do it; null where one can.</param>
/// <param name="Ahead">The runs that workers of its kind are at.</param>
public sealed record Queueing(StageState Stage, NobodyCan? Nobody, IReadOnlyList<RunState> Ahead);
