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

    /// <summary>The GPUs that the variable shows this process; null where it isn't set, and all are seen.</summary>
    public static string[]? Shown => Environment.GetEnvironmentVariable(Variable)?.Split(',', StringSplitOptions.TrimEntries);

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
                return new(lease, gpus.Visible(asked, lease.Cards), options.Heartbeat, log, stop);
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
    private readonly Heartbeat _heart;

    internal HeldGpus(GpuLease lease, string? visible, TimeSpan interval, ILogger log, CancellationToken stop)
    {
        (_lease, Visible, _log) = (lease, visible, log);
        _heart = new(lease.RenewAsync, interval, log, stop);
    }

    /// <summary>CUDA_VISIBLE_DEVICES of who computes on them; null leaves it as it is.</summary>
    public string? Visible { get; }

    /// <summary>Does work that ends when somebody else has taken one of the GPUs.</summary>
    /// <param name="work">With a token that falls then, or when the attempt shall stop.</param>
    /// <exception cref="GpuLostException">Somebody has.</exception>
    public async Task<T> WhileHeldAsync<T>(Func<CancellationToken, Task<T>> work)
    {
        try
        {
            return await work(_heart.Token);
        }
        catch (OperationCanceledException) when (_heart.State == LeaseState.Lost && !_heart.Stopping)
        {
            throw new GpuLostException();
        }
    }

    public async ValueTask DisposeAsync()
    {
        // First, or a renewal that is on its way would take them again.
        await _heart.DisposeAsync();
        try
        {
            await _lease.ReleaseAsync();
        }
        catch (Exception error)
        {
            _log.LogWarning("GPUs of this attempt are free when their lease is out: {Error}", error.Message);
        }
    }
}

/// <summary>Another worker has taken a GPU of this attempt. Nothing is known against the attempt, nor against its worker.</summary>
public sealed class GpuLostException()
    : Exception("This worker wasn't heard of for so long that another has taken its GPU: its process was asked to end.");
