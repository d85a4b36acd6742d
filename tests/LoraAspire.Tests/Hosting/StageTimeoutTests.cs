using LoraAspire.Runtime.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace LoraAspire.Tests.Hosting;

public sealed class StageTimeoutTests
{
    private readonly FakeTimeProvider _clock = new();

    /// <summary>A timer of .NET takes at most 49 days.</summary>
    [Theory]
    [InlineData(0.1)]
    [InlineData(19.5)]
    [InlineData(3650)]
    public void A_timeout_of_any_length_passes_when_it_is_over_and_not_before(double days)
    {
        using var timeout = new StageTimeout(TimeSpan.FromDays(days), _clock);
        _clock.Advance(TimeSpan.FromDays(1));
        timeout.Start();
        var start = _clock.GetUtcNow();

        for (var day = 1; day < days; day++)
        {
            _clock.Advance(TimeSpan.FromDays(1));
        }
        _clock.Advance(TimeSpan.FromDays(days) - (_clock.GetUtcNow() - start) - TimeSpan.FromMinutes(1));
        Assert.Equal((false, false), (timeout.HasPassed, timeout.Token.IsCancellationRequested));

        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal((true, true), (timeout.HasPassed, timeout.Token.IsCancellationRequested));
    }

    [Fact]
    public void Without_a_limit_it_never_passes()
    {
        using var timeout = new StageTimeout(null, _clock);
        timeout.Start();

        _clock.Advance(TimeSpan.FromDays(10_000));
        Assert.False(timeout.HasPassed);
    }
}
