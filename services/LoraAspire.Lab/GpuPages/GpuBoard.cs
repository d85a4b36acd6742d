using LoraAspire.Pipelines.Runs;
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

    /// <summary>This machine's, which the driver shows whatever Redis does.</summary>
    public IReadOnlyList<ShownGpu> Here => [.. sampler.Now.Select(gpu => new ShownGpu(Environment.MachineName, gpu, null))];

    /// <exception cref="StackExchange.Redis.RedisException">Redis doesn't answer.</exception>
    public async Task<IReadOnlyList<ShownGpu>> LookAsync()
    {
        var here = sampler.Now;
        var runs = await board.LookAsync();
        var elsewhere = runs.Workers.SelectMany(worker => worker.Gpus.Select(card => (worker.Host, Card: card)))
            .Where(one => here.All(gpu => gpu.Id != one.Card.Id)).DistinctBy(one => one.Card.Id).ToList();
        var holders = await client.HoldersAsync([.. here.Select(gpu => gpu.Id), .. elsewhere.Select(one => one.Card.Id)]);
        List<ShownGpu> shown = [.. here.Select(gpu => new ShownGpu(Environment.MachineName, gpu, holders.GetValueOrDefault(gpu.Id)))];
        foreach (var (host, card) in elsewhere)
        {
            var holder = holders.GetValueOrDefault(card.Id);
            shown.Add(new(host, holder is null ? Idle(card) : await ToldAsync(card, holder), holder) { IsTold = true });
        }
        return [.. shown.Select(gpu => gpu with { Run = runs.Runs.FirstOrDefault(run => run.Id == gpu.Holder?.Run) })];
    }

    private static SampledGpu Idle(GpuCard card) => new(card.Id, new(card.Index, card.Name) { MemoryTotal = card.Memory }, [], []);

    /// <summary>As the training that holds it told.</summary>
    private async Task<SampledGpu> ToldAsync(GpuCard card, GpuHolder holder)
    {
        var points = (await client.ProgressAsync(holder.Run, LookedThrough))
            .Where(point => point.Stage == holder.Stage && clock.GetUtcNow() - point.At < SampledGpu.Kept)
            .Select(point => (point.At, Gpu: point.Progress.Gpus.FirstOrDefault(gpu => gpu.Index == card.Index)))
            .Where(point => point.Gpu is not null).ToList();
        return points.Count == 0 ? Idle(card)
            : new(card.Id, points[^1].Gpu!, [.. points.Select(point => GpuSample.Of(point.Gpu!, point.At))], []);
    }
}

/// <param name="Host">The machine that it is in.</param>
/// <param name="Holder">The training that has it; null where none has.</param>
public sealed record ShownGpu(string Host, SampledGpu Gpu, GpuHolder? Holder)
{
    /// <summary>What is known comes from workers: the card itself is out of sight.</summary>
    public bool IsTold { get; init; }

    /// <summary>Null where no such run is known.</summary>
    public RunState? Run { get; init; }
}
