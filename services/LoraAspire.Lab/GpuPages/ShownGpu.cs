using LoraAspire.Machine.Gpu;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Streams;

namespace LoraAspire.Lab.GpuPages;

/// <summary>A GPU, with whose it is.</summary>
/// <param name="Host">The machine that it is in.</param>
/// <param name="Holder">The training that has it; null where none has, or that isn't known.</param>
public sealed record ShownGpu(string Host, SampledGpu Gpu, GpuHolder? Holder)
{
    /// <summary>What is known comes from workers: the card itself is out of sight.</summary>
    public bool IsTold { get; init; }

    /// <summary>False before Redis has answered.</summary>
    public bool IsHolderKnown { get; init; } = true;

    /// <summary>Null where no such run is known.</summary>
    public RunState? Run { get; init; }

    /// <summary>What workers of this app on this machine train on its GPUs, by their processes.</summary>
    public IReadOnlyDictionary<int, GpuHolder> Workers { get; init; } = new Dictionary<int, GpuHolder>();

    public static IReadOnlyDictionary<int, GpuHolder> Trainings(IEnumerable<LivingWorker> workers, IEnumerable<GpuHolder> holders) =>
        workers.Join(holders, worker => worker.Name, holder => holder.Worker, (worker, holder) => (worker.Process, holder))
            .DistinctBy(one => one.Process).ToDictionary(one => one.Process, one => one.holder);

    /// <summary>The training that a process computes for: its worker's, which has started it; null of any other.</summary>
    public GpuHolder? HolderOf(GpuProcess process) => process.Ancestors.Prepend(process.Id)
        .Select(id => Workers.GetValueOrDefault(id)).FirstOrDefault(holder => holder is not null);
}
