using StackExchange.Redis;

namespace LoraAspire.Runtime.Streams;

/// <summary>Tells a Redis that can't do anything just now, where waiting helps, from a command that it will never do.</summary>
public static class RedisAway
{
    // Starting, in a script, out of memory or disk, a replica or without one: each goes by itself or by somebody's hand.
    private static readonly string[] Conditions =
        ["LOADING", "BUSY ", "OOM", "MISCONF", "READONLY", "MASTERDOWN", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN", "NOAUTH", "NOPERM", "WRONGPASS", "max number of clients"];

    /// <summary>Does it again, after longer and longer pauses, until Redis does it.</summary>
    /// <param name="away">Hears of each failure. What it throws ends the waiting.</param>
    public static async Task<T> RetryAsync<T>(Func<Task<T>> ask, StreamOptions options, Action<Exception> away, CancellationToken cancellationToken)
    {
        for (var poll = new PollDelay(options); ; await poll.WaitAsync(cancellationToken))
        {
            try
            {
                return await ask();
            }
            catch (Exception error) when (Is(error))
            {
                away(error);
            }
        }
    }

    public static bool Is(Exception error) => error switch
    {
        RedisConnectionException or RedisTimeoutException or TimeoutException => true,
        RedisServerException server => Conditions.Any(word => server.Message.Contains(word, StringComparison.Ordinal)),
        AggregateException all => all.InnerExceptions.All(Is),
        _ => false,
    };
}
