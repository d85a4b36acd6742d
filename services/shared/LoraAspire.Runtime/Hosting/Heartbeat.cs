using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Logging;

namespace LoraAspire.Runtime.Hosting;

/// <summary>Renews a lease until disposed; its token falls when the order is lost or cancelled, or the process stops.</summary>
public sealed class Heartbeat : IDisposable
{
    private readonly Lease _lease;
    private readonly ILogger _log;
    private readonly CancellationToken _stopping;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationTokenSource _disposed = new();
    private readonly Task<LeaseState> _first;

    public Heartbeat(Lease lease, TimeSpan interval, ILogger log, CancellationToken stopping)
    {
        (_lease, _log, _stopping) = (lease, log, stopping);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        _first = BeatAsync();
        _ = BeatOnAsync(interval);
    }

    public CancellationToken Token => _stop.Token;

    /// <summary>Held as long as nothing else was heard.</summary>
    public LeaseState State { get; private set; } = LeaseState.Held;

    public bool Stopping => _stopping.IsCancellationRequested;

    public Task<LeaseState> FirstAsync() => _first;

    public void Dispose()
    {
        _disposed.Cancel();
        _disposed.Dispose();
    }

    private async Task BeatOnAsync(TimeSpan interval)
    {
        await _first;
        using var timer = new PeriodicTimer(interval);
        try
        {
            while (State == LeaseState.Held && await timer.WaitForNextTickAsync(_disposed.Token))
            {
                await BeatAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed: the stage is over.
        }
    }

    private async Task<LeaseState> BeatAsync()
    {
        try
        {
            State = await _lease.RenewAsync();
        }
        catch (Exception error)
        {
            // While Redis is away nobody else can claim the order either.
            _log.LogWarning("No heartbeat, Redis does not answer: {Error}", error.Message);
        }
        if (State != LeaseState.Held)
        {
            await _stop.CancelAsync();
        }
        return State;
    }
}
