using System.Collections.Concurrent;
using LoraAspire.Chat.Models;
using LoraAspire.Tests.Goldens;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Time.Testing;

namespace LoraAspire.Tests.Chat;

/// <summary>The pool with the shipped model and a clock that is moved by hand.</summary>
public sealed class ModelPoolTests : ILogger<ModelPool>
{
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(15);

    private readonly string _model = GoldenFolder.Pebble;
    private readonly FakeTimeProvider _clock = new();
    private readonly ConcurrentQueue<string> _said = [];

    [Fact]
    public async Task A_model_that_nobody_asks_for_is_unloaded_when_its_time_is_over_and_the_log_says_so()
    {
        using var pool = new ModelPool(new IdleTime(Idle), _clock, this);
        (await RentAsync(pool)).Dispose();
        _clock.Advance(Idle - TimeSpan.FromSeconds(1));
        Assert.Equal([_model], pool.Loaded);

        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Empty(pool.Loaded);
        Assert.Contains(_said,
            line => line.StartsWith($"Unloaded {_model}", StringComparison.Ordinal) && line.Contains("15:00", StringComparison.Ordinal));
        using var again = await RentAsync(pool);
        Assert.Equal([_model], pool.Loaded);
    }

    [Fact]
    public async Task A_request_in_progress_keeps_its_model_and_the_time_begins_when_it_is_done()
    {
        using var pool = new ModelPool(new IdleTime(Idle), _clock, this);
        (await RentAsync(pool)).Dispose();
        var lease = await RentAsync(pool);
        _clock.Advance(3 * Idle);
        Assert.Equal([_model], pool.Loaded);

        lease.Dispose();
        _clock.Advance(Idle - TimeSpan.FromSeconds(1));
        Assert.Equal([_model], pool.Loaded);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(pool.Loaded);
    }

    [Fact]
    public async Task A_request_begins_the_time_anew()
    {
        using var pool = new ModelPool(new IdleTime(Idle), _clock, this);
        for (var request = 0; request < 3; request++)
        {
            (await RentAsync(pool)).Dispose();
            _clock.Advance(Idle - TimeSpan.FromSeconds(1));
        }
        Assert.Equal([_model], pool.Loaded);
        Assert.Single(_said, line => line.StartsWith("Loading", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_time_a_model_stays()
    {
        using var pool = new ModelPool(new IdleTime((TimeSpan?)null), _clock, this);
        (await RentAsync(pool)).Dispose();
        _clock.Advance(TimeSpan.FromDays(400));
        Assert.Equal([_model], pool.Loaded);
    }

    [Theory]
    [InlineData(null, 900.0)]
    [InlineData("", 900.0)]
    [InlineData("90s", 90.0)]
    [InlineData("1.5h", 5400.0)]
    [InlineData("0", null)]
    [InlineData("0m", null)]
    public void The_time_is_written_as_a_number_with_its_unit(string? text, double? seconds) =>
        Assert.Equal(seconds, Read(text).Value?.TotalSeconds);

    [Theory]
    [InlineData("15")]
    [InlineData("-5m")]
    [InlineData("soon")]
    [InlineData("0.1s")]
    [InlineData("50d")]
    [InlineData("99999999999999999999d")]
    public void Anything_else_is_refused_in_words(string text) =>
        Assert.Contains("such as 90s, 15m or 2h; 0 unloads no model", Assert.Throws<FormatException>(() => Read(text)).Message);

    private static IdleTime Read(string? text) =>
        IdleTime.From(new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create(IdleTime.Variable, text)]).Build());

    private Task<ModelLease> RentAsync(ModelPool pool) => pool.RentAsync(new(_model), TestContext.Current.CancellationToken);

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter) => _said.Enqueue(formatter(state, exception));

    bool ILogger.IsEnabled(LogLevel logLevel) => true;

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;
}
