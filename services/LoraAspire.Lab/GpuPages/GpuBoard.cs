using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;

namespace LoraAspire.Lab.GpuPages;

/// <summary>
/// Every GPU that is known: this machine's by its driver, those of workers elsewhere by what the workers and the trainings on them tell.
/// </summary>
public sealed class GpuBoard(GpuSampler sampler, RunBoard board, RunClient client, TimeProvider clock)
{
    /// <summary>Points of progress that are looked through for what a GPU did.</summary>
    private const int LookedThrough = 1000;

    private readonly Lock gate = new();
    private Task<IReadOnlyList<ShownGpu>>? look;
    private long lookedAt;

    /// <summary>
    /// This machine's as the driver shows them by now, whatever Redis does; else, and whose they are, what was heard last.
    /// </summary>
    /// <param name="heard">The last answer of <see cref="LookAsync"/>; nothing before the first.</param>
    public IReadOnlyList<ShownGpu> Now(IReadOnlyList<ShownGpu> heard) =>
    [
        .. sampler.Now.Select(gpu => (heard.FirstOrDefault(one => !one.IsTold && one.Gpu.Id == gpu.Id)
            ?? new(Environment.MachineName, gpu, null) { IsHolderKnown = false }) with { Gpu = gpu }),
        .. heard.Where(one => one.IsTold),
    ];

    /// <summary>Looked for once for all who ask within an interval.</summary>
    /// <exception cref="StackExchange.Redis.RedisException">Redis doesn't answer.</exception>
    public Task<IReadOnlyList<ShownGpu>> LookAsync()
    {
        lock (gate)
        {
            if (look is null || (look.IsCompleted && clock.GetElapsedTime(lookedAt) >= GpuSampler.Interval / 2))
            {
                (look, lookedAt) = (Task.Run(ReadAsync), clock.GetTimestamp());
            }
            return look;
        }
    }

    private async Task<IReadOnlyList<ShownGpu>> ReadAsync()
    {
        var here = sampler.Now;
        var runs = await board.LookAsync();
        var elsewhere = runs.Workers.SelectMany(worker => worker.Gpus.Select(card => (worker.Host, Card: card)))
            .Where(one => here.All(gpu => gpu.Id != one.Card.Id)).DistinctBy(one => one.Card.Id).ToList();
        var holders = await client.HoldersAsync([.. here.Select(gpu => gpu.Id), .. elsewhere.Select(one => one.Card.Id)]);
        var trainings = ShownGpu.Trainings(runs.Workers.Where(worker => worker.Host == Environment.MachineName), holders.Values);
        List<ShownGpu> shown =
        [
            .. here.Select(gpu =>
                new ShownGpu(Environment.MachineName, gpu, holders.GetValueOrDefault(gpu.Id)) { Workers = trainings }),
        ];
        var told = new Dictionary<string, IReadOnlyList<ProgressPoint>>();
        foreach (var (host, card) in elsewhere)
        {
            var holder = holders.GetValueOrDefault(card.Id);
            if (holder is not null && !told.ContainsKey(holder.Run))
            {
                told[holder.Run] = await client.ProgressAsync(holder.Run, LookedThrough);
            }
            shown.Add(new(host, holder is null ? Idle(card) : Told(card, holder, told[holder.Run]), holder) { IsTold = true });
        }
        return [.. shown.Select(gpu => gpu with { Run = runs.Runs.FirstOrDefault(run => run.Id == gpu.Holder?.Run) })];
    }

    private static SampledGpu Idle(GpuCard card) => new(card.Id, new(card.Index, card.Name) { MemoryTotal = card.Memory }, [], null);

    /// <summary>As the training that holds it told.</summary>
    private SampledGpu Told(GpuCard card, GpuHolder holder, IReadOnlyList<ProgressPoint> told)
    {
        var points = told.Where(point => point.Stage == holder.Stage && clock.GetUtcNow() - point.At < SampledGpu.Kept)
            .Select(point => (point.At, Gpu: point.Progress.Gpus.FirstOrDefault(gpu => gpu.Index == card.Index)))
            .Where(point => point.Gpu is not null).ToList();
        return points.Count == 0 ? Idle(card)
            : new(card.Id, points[^1].Gpu!, [.. points.Select(point => GpuSample.Of(point.Gpu!, point.At))], null);
    }
}
