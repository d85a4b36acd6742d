using StackExchange.Redis;

namespace LoraAspire.Runtime.Streams;

/// <summary>Tells a Redis that can't do anything just now, where waiting helps, from a command that it will never do.</summary>
public static class RedisAway
{
    // Starting, in a script, out of memory or disk, a replica or without one: each goes by itself or by somebody's hand.
    private static readonly string[] Conditions =
        ["LOADING", "BUSY ", "OOM", "MISCONF", "READONLY", "MASTERDOWN", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN", "NOAUTH", "NOPERM",
            "WRONGPASS", "max number of clients"];

    /// <summary>Does it again, after longer and longer pauses, until Redis does it.</summary>
    /// <param name="away">Hears of each failure. What it throws ends the waiting.</param>
    public static async Task<T> RetryAsync<T>(Func<Task<T>> ask, StreamSettings options, Action<Exception> away,
        CancellationToken cancellationToken)
    {
        for (var poll = new PollDelay(options); ; await poll.WaitAsync(cancellationToken))
        {
            if (await AskAsync(ask, away) is (true, var answer))
            {
                return answer!;
            }
        }
    }

    /// <summary>The same as long as it is of use, and at least once; default when Redis was away until then.</summary>
    public static async Task<T?> RetryWhileUsefulAsync<T>(Func<Task<T>> ask, StreamSettings options, Action<Exception> away,
        CancellationToken useless)
    {
        for (var poll = new PollDelay(options); ; await poll.WaitAsync(useless).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing))
        {
            if (await AskAsync(ask, away) is (true, var answer))
            {
                return answer;
            }
            if (useless.IsCancellationRequested)
            {
                return default;
            }
        }
    }

    private static async Task<(bool Done, T? Answer)> AskAsync<T>(Func<Task<T>> ask, Action<Exception> away)
    {
        try
        {
            return (true, await ask());
        }
        catch (Exception error) when (Is(error))
        {
            away(error);
            return (false, default);
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
