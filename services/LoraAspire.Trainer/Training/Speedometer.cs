namespace LoraAspire.Trainer.Training;

/// <summary>Speed over the last steps of this process.</summary>
internal sealed class Speedometer
{
    private const int Window = 20;
    private readonly TimeProvider _clock;
    private readonly Queue<(long At, long Tokens)> _steps = new();

    public Speedometer(TimeProvider clock)
    {
        _clock = clock;
        _steps.Enqueue((clock.GetTimestamp(), 0));
    }

    public void Add(long tokens)
    {
        _steps.Enqueue((_clock.GetTimestamp(), tokens));
        if (_steps.Count > Window)
        {
            _steps.Dequeue();
        }
    }

    public double TokensPerSecond => _steps.Skip(1).Sum(step => step.Tokens) / Seconds;

    public double SecondsPerStep => Seconds / (_steps.Count - 1);

    private double Seconds => _clock.GetElapsedTime(_steps.Peek().At, _steps.Last().At).TotalSeconds;
}
