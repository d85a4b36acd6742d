using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;
using Microsoft.Extensions.Logging;

namespace LoraAspire.Runtime.Hosting;

/// <summary>
/// The attempt's end of the pipe: progress, log lines and spans on their way to the worker. A worker that doesn't read holds nothing up:
/// then all but the outcome is dropped.
/// </summary>
internal sealed class AttemptPipe : IProgress<StageProgress>, ILoggerProvider
{
    private const int MostWaiting = 1000;

    private readonly BlockingCollection<AttemptLine> _waiting = new(MostWaiting);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly ActivityListener _spans;
    private readonly Thread _writer;
    private volatile bool _stuck;

    public AttemptPipe()
    {
        var output = Console.OpenStandardOutput();
        // What a library prints shall not stand between our lines.
        Console.SetOut(Console.Error);
        _writer = new Thread(() => Write(output)) { IsBackground = true, Name = "attempt's pipe" };
        _writer.Start();
        _spans = new()
        {
            ShouldListenTo = source => source.Name == RunTrace.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span => Offer(new SpanLine(span.DisplayName, span.StartTimeUtc, span.StartTimeUtc + span.Duration,
                span.Status == ActivityStatusCode.Error ? span.StatusDescription ?? "" : null)),
        };
        ActivitySource.AddActivityListener(_spans);
    }

    public void Report(StageProgress value) => Offer(new ProgressLine(value.Finite()), patient: value.Message is not null);

    /// <summary>Says the last word and waits until it is out.</summary>
    public void End(AttemptLine outcome)
    {
        _waiting.Add(outcome);
        _waiting.CompleteAdding();
        _writer.Join();
    }

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
        _spans.Dispose();
        _waiting.Dispose();
    }

    /// <param name="patient">Waits for room, unless the worker has let it wait before.</param>
    private void Offer(AttemptLine line, bool patient = true)
    {
        try
        {
            _stuck |= !_waiting.TryAdd(line, patient && !_stuck ? Patience : TimeSpan.Zero) && patient;
        }
        catch (InvalidOperationException)
        {
            // After the last word: nobody listens any more.
        }
    }

    private void Write(Stream output)
    {
        try
        {
            foreach (var line in _waiting.GetConsumingEnumerable())
            {
                // In one call, so that native code that prints can't break it.
                output.Write(Encoding.UTF8.GetBytes(line.ToText()));
                _stuck = false;
            }
        }
        catch (IOException)
        {
            // The worker is gone; whoever watches the input ends this process.
        }
    }

    private sealed class Logger(AttemptPipe pipe, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                LoggedLine line = new(logLevel, category,
                    exception is null ? formatter(state, null) : $"{formatter(state, exception)}\n{exception}");
                pipe.Offer(EventFields.Of(eventId, state) is { } fields ? line with { Event = eventId.Name, Fields = fields } : line);
            }
        }
    }
}
