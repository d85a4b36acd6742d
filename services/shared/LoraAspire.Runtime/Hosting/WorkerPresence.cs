using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Hosting;

/// <summary>Keeps a worker on the list of those that live, until disposed. Nothing but what people are told hangs on it.</summary>
internal sealed class WorkerPresence : IAsyncDisposable
{
    private readonly CancellationTokenSource _left = new();
    private readonly Task _telling;

    public WorkerPresence(LivingWorker worker, IDatabase redis, StreamSettings options) => _telling = TellAsync(worker, redis, options);

    private async Task TellAsync(LivingWorker worker, IDatabase redis, StreamSettings options)
    {
        while (!_left.IsCancellationRequested)
        {
            await SayAsync(() => worker.TellAsync(redis, options));
            await Task.Delay(options.SignOfLife, _left.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await SayAsync(() => worker.LeaveAsync(redis));
    }

    private static async Task SayAsync(Func<Task> word)
    {
        try
        {
            await word();
        }
        catch (Exception error) when (error is RedisException or TimeoutException)
        {
            // The next word may be heard; that Redis is away the worker's loop says.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _left.CancelAsync();
        await _telling;
        _left.Dispose();
    }
}
