namespace LoraAspire.Model.Generation.Batching;

/// <summary>What the engine counts of itself.</summary>
public sealed partial class BatchEngine
{
    private static readonly TimeSpan s_shortest = TimeSpan.FromSeconds(1), s_longest = TimeSpan.FromMinutes(1);

    private readonly Lock _figures = new();
    private EngineStatistics _statistics;
    private long _promptTokens, _reusedTokens, _answerTokens, _steps, _preemptions; // the thread's own
    private double _usualSeconds = 1;

    /// <summary>As of the last step.</summary>
    public EngineStatistics Statistics
    {
        get
        {
            lock (_figures)
            {
                return _statistics;
            }
        }
    }

    private void Tally()
    {
        lock (_figures)
        {
            _statistics = new(_running.Count, _waiting.Count, _pool.Blocks - _pool.Free, _pool.Blocks, _promptTokens, _reusedTokens,
                _answerTokens, _steps, _preemptions);
        }
    }

    /// <summary>It waits no longer.</summary>
    private void Start(GenerationRequest request)
    {
        request.Started = true;
        lock (_gate)
        {
            _queued--;
        }
    }

    private void TakeTime(GenerationRequest request)
    {
        var seconds = TimeProvider.System.GetElapsedTime(request.Came).TotalSeconds;
        lock (_gate)
        {
            _usualSeconds += (seconds - _usualSeconds) / 16;
        }
    }

    /// <summary>Until about a tenth of those who wait have had their turn.</summary>
    private TimeSpan RetryAfter()
    {
        var seconds = _usualSeconds * Math.Max(1, _queued / 10.0) / _executor.MostSequences;
        return TimeSpan.FromSeconds(Math.Ceiling(Math.Clamp(seconds, s_shortest.TotalSeconds, s_longest.TotalSeconds)));
    }
}
