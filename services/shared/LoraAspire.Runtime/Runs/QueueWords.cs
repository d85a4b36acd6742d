using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Streams;

namespace LoraAspire.Runtime.Runs;

/// <summary>Why a queued stage may wait for long, in words.</summary>
public static class QueueWords
{
    /// <summary>Null when it isn't queued, or a worker that lives can do it, busy or not.</summary>
    public static string? Of(StageState stage, IEnumerable<LivingWorker> workers)
    {
        if (stage.Status != StageStatus.Queued)
        {
            return null;
        }
        var wanted = $"waits for {Article.With(stage.Kind)}"
            + (stage.OfWorker is null ? "" : $" with {stage.OfWorker}");
        var memories = workers.Where(worker => worker.Kind == stage.Kind).Select(worker => worker.GpuMemory).ToList();
        return memories.Count == 0 ? $"{wanted}: none is running"
            : memories.Max() is var largest && largest >= (stage.OfWorker?.GpuMemory ?? 0) ? null
            : largest == 0 ? $"{wanted}; none here has a GPU" : $"{wanted}; the largest here has {largest}";
    }
}
