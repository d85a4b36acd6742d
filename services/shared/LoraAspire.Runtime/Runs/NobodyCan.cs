using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Streams;

namespace LoraAspire.Runtime.Runs;

/// <summary>Why a queued stage may wait for long: no living worker can do it, busy or not.</summary>
/// <param name="Needs">What it asks of a worker; null where any of its kind would do.</param>
/// <param name="Largest">Memory of the largest GPU of workers of its kind, in GiB, 0 without a GPU; null where none lives.</param>
public sealed record NobodyCan(string Kind, StageNeeds? Needs, int? Largest)
{
    /// <summary>Null when it isn't queued, or somebody can.</summary>
    public static NobodyCan? Of(StageState stage, IEnumerable<LivingWorker> workers)
    {
        if (stage.Status != StageStatus.Queued)
        {
            return null;
        }
        var memories = workers.Where(worker => worker.Kind == stage.Kind).Select(worker => (int?)worker.GpuMemory).ToList();
        return memories.Max() is { } largest && largest >= (stage.OfWorker?.GpuMemory ?? 0) ? null
            : new(stage.Kind, stage.OfWorker, memories.Max());
    }

    /// <summary>After the stage's name.</summary>
    public override string ToString() => $"waits for {Article.With(Kind)}" + (Needs is null ? "" : $" with {Needs}") + Largest switch
    {
        null => ": none is running",
        0 => "; none here has a GPU",
        _ => $"; the largest here has {Largest}",
    };
}
