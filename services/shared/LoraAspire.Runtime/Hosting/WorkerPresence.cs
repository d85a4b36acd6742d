using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Hosting;

/// <summary>
/// Keeps a worker, or a coordinator, on the list of those that live, until disposed. Only what people are told hangs on it.
/// </summary>
public sealed class WorkerPresence : IAsyncDisposable
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
        catch (Exception)
        {
            // The next word may be heard; that Redis is away, and anything else that ails, the loop beside it says.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _left.CancelAsync();
        await _telling;
        _left.Dispose();
    }
}
