using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Hosting;

/// <summary>
/// One training at a time on a GPU, whichever workers share it: an attempt gets its GPUs before its process starts, and waits for them, in
/// words, as long as others have them.
/// </summary>
/// <param name="devices">What an order asks for; null of one that takes no GPU.</param>
public sealed class GpuClaims(WorkerGpus gpus, Func<StageOrder, DeviceChoice?> devices, IConnectionMultiplexer connection,
    StreamSettings options, ILogger<GpuClaims> log)
{
    public const string Variable = "CUDA_VISIBLE_DEVICES";

    private const int MostNamed = 4;

    /// <summary>By the parameters of an order. What is wrong with them the stage itself says.</summary>
    public static DeviceChoice? AskedBy<TParams>(StageOrder order) where TParams : StageParams
    {
        try
        {
            return order.With.Deserialize<TParams>(Pipelines.StageKey.ParamsJson)?.Gpus();
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Null where the attempt takes none.</summary>
    /// <exception cref="OperationCanceledException">It shall stop, and waits no longer.</exception>
    public async Task<HeldGpus?> TakeAsync(StageOrder order, string worker, IProgress<StageProgress> progress, CancellationToken stop)
    {
        if (devices(order) is not { } asked || gpus.Wanted(asked, order.Needs) is not var (cards, count))
        {
            return null;
        }
        var (holder, redis, said) = (GpuHolder.Of(order, worker), connection.GetDatabase(), "");
        while (true)
        {
            var (lease, taken) = await RedisAway.RetryAsync(
                () => GpuLease.TryTakeAsync(redis, options, holder, [.. cards.Select(card => card.Id)], count), options,
                error => log.LogWarning("Waiting for Redis, to take a GPU: {Error}", error.Message), stop);
            if (lease is not null)
            {
                if (said.Length > 0)
                {
                    progress.Report(new(Message: $"takes GPU {Places(lease.Cards)}"));
                }
                return new(lease, gpus.Visible(asked, lease.Cards), options.Heartbeat, log);
            }
            if (Waits(count, taken) is var words && words != said)
            {
                progress.Report(new(Message: said = words));
            }
            await Task.Delay(options.Heartbeat, stop);
        }

        string Places(IEnumerable<string> ids) =>
            string.Join(", ", ids.Select(id => cards.First(card => card.Id == id).Index));

        string Waits(int wanted, IReadOnlyDictionary<string, string> taken) =>
            $"waits for {(wanted == 1 ? "a GPU" : $"{wanted} GPUs")} of {Environment.MachineName}: "
                + string.Join(", ", taken.Take(MostNamed)
                    .Select(one => $"GPU {Places([one.Key])} is taken by {GpuHolder.Words(one.Value)}"))
                + (taken.Count > MostNamed ? $" and {taken.Count - MostNamed} more are taken" : "");
    }
}

/// <summary>GPUs in an attempt's hands, until disposed.</summary>
public sealed class HeldGpus : IAsyncDisposable
{
    private readonly GpuLease _lease;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenSource _disposed = new();
    private readonly Task _beating;

    internal HeldGpus(GpuLease lease, string? visible, TimeSpan interval, ILogger log)
    {
        (_lease, Visible, _log) = (lease, visible, log);
        _beating = BeatAsync(interval);
    }

    /// <summary>CUDA_VISIBLE_DEVICES of who computes on them; null leaves it as it is.</summary>
    public string? Visible { get; }

    /// <summary>Does work that ends when somebody else has taken one of the GPUs.</summary>
    /// <param name="work">With a token that falls then, or with <paramref name="stop"/>.</param>
    /// <exception cref="AttemptDiedException">Somebody has: another attempt goes on from the last checkpoint.</exception>
    public async Task<T> WhileHeldAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken stop)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, _lost.Token);
        try
        {
            return await work(both.Token);
        }
        catch (OperationCanceledException) when (_lost.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            throw new AttemptDiedException(
                "This worker wasn't heard of for so long that another has taken its GPU: its process was asked to end.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync();
        await _beating;
        try
        {
            await _lease.ReleaseAsync();
        }
        catch (Exception error)
        {
            _log.LogWarning("GPUs of this attempt are free when their lease is out: {Error}", error.Message);
        }
        _disposed.Dispose();
        _lost.Dispose();
    }

    private async Task BeatAsync(TimeSpan interval)
    {
        using var timer = new PeriodicTimer(interval);
        try
        {
            while (await timer.WaitForNextTickAsync(_disposed.Token))
            {
                if (!await IsHeldAsync())
                {
                    await _lost.CancelAsync();
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed: the attempt is over.
        }
    }

    private async Task<bool> IsHeldAsync()
    {
        try
        {
            return await _lease.RenewAsync();
        }
        // Whatever it is: the next beat tries again, and while Redis is away nobody else can take them either.
        catch (Exception error)
        {
            _log.LogWarning("The GPUs' lease isn't renewed: {Error}", error.Message);
            return true;
        }
    }
}
