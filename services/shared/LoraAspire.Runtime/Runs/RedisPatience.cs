using System.Diagnostics;
using LoraAspire.Runtime.Streams;

namespace LoraAspire.Runtime.Runs;

/// <summary>Who follows a run waits while Redis is started again, and hears in words when that takes too long.</summary>
internal sealed class RedisPatience(StreamOptions options, string run)
{
    private readonly PollDelay _poll = new(options);
    private Stopwatch? _away;

    /// <summary>Does it again until Redis answers.</summary>
    /// <exception cref="RunLostException">It has not answered for too long.</exception>
    public async Task<T> AskAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                var answer = await ask();
                _away = null;
                _poll.Reset();
                return answer;
            }
            catch (Exception error) when (options.RedisLimit > TimeSpan.Zero && RedisAway.Is(error))
            {
                _away ??= Stopwatch.StartNew();
                if (_away.Elapsed > options.RedisLimit)
                {
                    throw new RunLostException($"Redis has not answered for {_away.Elapsed.TotalSeconds:0} s ({error.Message}), so nobody hears of run {run}. It goes on by itself when Redis is back.");
                }
            }
            await _poll.WaitAsync(cancellationToken);
        }
    }
}
