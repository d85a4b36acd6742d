using System.Diagnostics;

namespace LoraAspire.Trainer.Training;

/// <summary>Speed over the last steps of this process.</summary>
internal sealed class Speedometer
{
    private const int Window = 20;
    private readonly Queue<(long At, long Tokens)> _steps = new([(Stopwatch.GetTimestamp(), 0)]);

    public void Add(long tokens)
    {
        _steps.Enqueue((Stopwatch.GetTimestamp(), tokens));
        if (_steps.Count > Window)
        {
            _steps.Dequeue();
        }
    }

    public double TokensPerSecond => _steps.Skip(1).Sum(step => step.Tokens) / Seconds;

    public double SecondsPerStep => Seconds / (_steps.Count - 1);

    private double Seconds => Stopwatch.GetElapsedTime(_steps.Peek().At, _steps.Last().At).TotalSeconds;
}
