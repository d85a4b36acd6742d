using LoraAspire.Trainer.Training;
using Microsoft.Extensions.Time.Testing;

namespace LoraAspire.Tests.Trainer;

public sealed class SpeedometerTests
{
    /// <summary>100 tokens in 2 s and 300 in 8 s: 400 in 10 s, two steps of 5 s. Then 19 of 10 tokens and 1 s push both out.</summary>
    [Fact]
    public void Speed_is_that_of_the_last_steps()
    {
        var clock = new FakeTimeProvider();
        var speed = new Speedometer(clock);
        void Step(int seconds, long tokens)
        {
            clock.Advance(TimeSpan.FromSeconds(seconds));
            speed.Add(tokens);
        }

        Step(2, 100);
        Step(8, 300);
        Assert.Equal((40.0, 5.0), (speed.TokensPerSecond, speed.SecondsPerStep));

        for (var i = 0; i < 19; i++)
        {
            Step(1, 10);
        }
        Assert.Equal((10.0, 1.0), (speed.TokensPerSecond, speed.SecondsPerStep));
    }
}
