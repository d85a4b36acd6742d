using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Logging;

namespace LoraAspire.Runtime.Hosting;

/// <summary>Renews a lease until disposed; its token falls when the lease is lost, its order cancelled, or its holder shall stop.</summary>
public sealed class Heartbeat : IAsyncDisposable
{
    private readonly Func<Task<LeaseState>> _renew;
    private readonly ILogger _log;
    private readonly CancellationToken _stopping;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationTokenSource _disposed = new();
    private readonly Task<LeaseState> _first;
    private readonly Task _beating;

    public Heartbeat(Func<Task<LeaseState>> renew, TimeSpan interval, ILogger log, CancellationToken stopping)
    {
        (_renew, _log, _stopping) = (renew, log, stopping);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        _first = BeatAsync();
        _beating = BeatOnAsync(interval);
    }

    public CancellationToken Token => _stop.Token;

    /// <summary>Held as long as nothing else was heard.</summary>
    public LeaseState State { get; private set; } = LeaseState.Held;

    public bool Stopping => _stopping.IsCancellationRequested;

    public Task<LeaseState> FirstAsync() => _first;

    /// <summary>Afterwards no renewal is on its way any more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync();
        await _beating;
        _disposed.Dispose();
        _stop.Dispose();
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
            // Disposed: the work is over.
        }
    }

    private async Task<LeaseState> BeatAsync()
    {
        try
        {
            State = await _renew();
        }
        catch (Exception error)
        {
            // While Redis is away nobody else can have it either.
            _log.LogWarning("A lease isn't renewed, Redis doesn't answer: {Error}", error.Message);
        }
        if (State != LeaseState.Held)
        {
            await _stop.CancelAsync();
        }
        return State;
    }
}
