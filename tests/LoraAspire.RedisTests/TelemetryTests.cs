using System.Diagnostics;
using System.Diagnostics.Metrics;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Logging;

namespace LoraAspire.RedisTests;

/// <summary>What coordinator and workers tell of a run, heard by listeners as an exporter hears it.</summary>
public sealed class TelemetryTests(RedisServer server)
{
    [Fact]
    public async Task A_run_is_one_trace_over_submission_decisions_attempts_and_publishing()
    {
        await using var installation = new Installation(server);
        using var spans = new Spans();
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync(Installation.WriteDataset);

        string run;
        using (new Activity("a page's request").Start())
        {
            run = await installation.Runs.SubmitAsync(Installation.OneStage());
        }
        await installation.EndOfAsync(run);
        await spans.ContainsAsync("decide attempt.finished data");

        var submit = spans.Single("submit test");
        Assert.All(spans.Ended, span => Assert.Equal(submit.TraceId, span.TraceId));
        Assert.Null(submit.ParentId);
        Assert.Single(submit.Links);
        var decided = spans.Single("decide run.submit");
        var started = spans.Single("data-build data started");
        var attempt = spans.Single("data-build data");
        Assert.Equal(submit.SpanId, decided.ParentSpanId);
        Assert.Equal("run.submitted, stage.queued data", decided.GetTagItem("lora.events"));
        Assert.Equal(decided.SpanId, started.ParentSpanId);
        Assert.Equal(started.SpanId, attempt.ParentSpanId);
        Assert.Equal(attempt.SpanId, spans.Single("publish data").ParentSpanId);
        Assert.Equal(attempt.SpanId, spans.Single("decide attempt.finished data").ParentSpanId);
        Assert.Equal("Succeeded", spans.Single("decide attempt.finished data").GetTagItem("lora.run.status"));
        Assert.All(spans.Ended, span => Assert.Equal(run, span.GetTagItem("lora.run")));
        Assert.Equal((ActivityStatusCode.Ok, 1), (attempt.Status, attempt.GetTagItem("lora.attempt")));
        Assert.All(await installation.Redis.StreamRangeAsync(Keys.Run(run)),
            entry => Assert.Contains(submit.TraceId.ToString(), Entries.Field(entry, Entries.TraceParent), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_span_that_says_the_stage_has_started_is_there_while_it_still_runs()
    {
        await using var installation = new Installation(server);
        using var spans = new Spans();
        await installation.StartCoordinatorAsync();
        var go = new TaskCompletionSource();
        await installation.StartDataBuildAsync(
            async (context, stop) => { await go.Task.WaitAsync(stop); await Installation.WriteDataset(context, stop); });
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());

        await spans.ContainsAsync("data-build data started");

        Assert.DoesNotContain(spans.Ended, span => span.DisplayName == "data-build data");
        go.SetResult();
        await installation.EndOfAsync(run);
    }

    [Fact]
    public async Task A_run_from_somebody_without_a_trace_has_one_and_a_cancel_from_elsewhere_joins_it()
    {
        await using var installation = new Installation(server);
        // Nobody listens yet, so nothing is traced: as from a terminal.
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        using var spans = new Spans();
        await installation.StartCoordinatorAsync();
        await installation.FirstAsync<StageQueued>(run);

        using (var elsewhere = new Activity("elsewhere").Start())
        {
            await installation.Runs.CancelAsync(run);
        }
        await installation.EndOfAsync(run);
        await spans.ContainsAsync("decide run.cancel");

        var submit = spans.Single("submit pipeline.yaml");
        Assert.Equal(submit.SpanId, spans.Single("decide run.submit").ParentSpanId);
        var cancel = spans.Single("decide run.cancel");
        Assert.Equal(submit.TraceId, cancel.TraceId);
        Assert.Single(cancel.Links);
    }

    [Fact]
    public async Task Looking_at_empty_streams_is_no_span()
    {
        await using var installation = new Installation(server);
        using var spans = new Spans();
        using var meter = new Measurements();
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync(Installation.WriteDataset);
        await installation.StartPulseAsync();

        await meter.ContainsAsync("lora.queue.length", point => point.Tags["kind"] is "chat");

        Assert.Empty(spans.Ended);
    }

    [Fact]
    public async Task Attempts_hand_over_and_runs_are_counted_by_kind_and_outcome()
    {
        await using var installation = new Installation(server);
        using var meter = new Measurements();
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync((context, stop) =>
            context.Attempt < 2 ? throw new StageException("the line is busy", transient: true) : Installation.WriteDataset(context, stop));

        await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage(policy: "retries: 1")));
        await meter.ContainsAsync("lora.runs", point => point.Tags["status"] is "succeeded");

        Assert.Equal(["finished", "transient"], meter.Of("lora.attempts").Select(point => (string?)point.Tags["outcome"]).Order());
        Assert.All(meter.Of("lora.attempts"), point => Assert.Equal(("data-build", 1.0), (point.Tags["kind"], point.Value)));
        Assert.Equal(2, meter.Of("lora.attempt.duration").Count);
        Assert.Equal(2, meter.Of("lora.handover.duration").Count);
        Assert.All(meter.Of("lora.handover.duration"), point => Assert.InRange(point.Value, 0, 20));
    }

    [Fact]
    public async Task An_order_that_nobody_takes_counts_as_waiting_until_it_is_taken()
    {
        await using var installation = new Installation(server);
        using var meter = new Measurements();
        await installation.StartCoordinatorAsync();
        await installation.StartPulseAsync();
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        await meter.ContainsAsync("lora.queue.length", point => point is { Value: 1, Tags: var tags } && tags["kind"] is "data-build");

        var go = new TaskCompletionSource();
        await installation.StartDataBuildAsync(
            async (context, stop) => { await go.Task.WaitAsync(stop); await Installation.WriteDataset(context, stop); });
        await installation.FirstAsync<StageStarted>(run);
        meter.Forget();

        await meter.ContainsAsync("lora.queue.length", point => point is { Value: 0, Tags: var tags } && tags["kind"] is "data-build");
        go.SetResult();
        await installation.EndOfAsync(run);
    }

    [Fact]
    public async Task Log_lines_of_coordinator_and_worker_carry_run_stage_and_attempt_as_fields()
    {
        using var lines = new LogFieldsSeen();
        await using var installation = new Installation(server) { Logs = lines };
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync((_, _) => throw new StageException("row 7 has no output"));

        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        await installation.EndOfAsync(run);

        await lines.ContainsAsync(
            line => line.Text.Contains("row 7", StringComparison.Ordinal) && line.Source.Contains("StageWorker", StringComparison.Ordinal)
            && line.Fields.Contains(("run", run)) && line.Fields.Contains(("stage", "data")) && line.Fields.Contains(("attempt", 1)));
        await lines.ContainsAsync(
            line => line.Text.Contains("row 7", StringComparison.Ordinal) && line.Source.Contains("Coordinator", StringComparison.Ordinal)
            && line.Fields.Contains(("run", run)) && line.Fields.Contains(("stage", "data")));
    }

    /// <summary>What was told of one kind, and the wait for more of it.</summary>
    private abstract class Heard<T> : IDisposable
    {
        private readonly Lock _lock = new();
        private readonly List<T> _all = [];
        private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public IReadOnlyList<T> All { get { lock (_lock) { return [.. _all]; } } }

        public async Task ContainsAsync(Func<T, bool> wanted)
        {
            while (true)
            {
                Task more;
                lock (_lock)
                {
                    if (_all.Exists(one => wanted(one)))
                    {
                        return;
                    }
                    more = _more.Task;
                }
                await more.WaitAsync(Installation.Soon);
            }
        }

        public void Forget()
        {
            lock (_lock)
            {
                _all.Clear();
            }
        }

        public abstract void Dispose();

        protected void Add(T one)
        {
            lock (_lock)
            {
                _all.Add(one);
                _more.SetResult();
                _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    private sealed class Spans : Heard<Activity>
    {
        private readonly ActivityListener _listener;

        public Spans()
        {
            _listener = new()
            {
                ShouldListenTo = source => source.Name == RunTrace.SourceName,
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = Add,
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public IReadOnlyList<Activity> Ended => All;

        public Activity Single(string name) => Assert.Single(All, span => span.DisplayName == name);

        public Task ContainsAsync(string name) => ContainsAsync(span => span.DisplayName == name);

        public override void Dispose() => _listener.Dispose();
    }

    private sealed record Measurement(string Name, double Value, IReadOnlyDictionary<string, object?> Tags);

    private sealed class Measurements : Heard<Measurement>
    {
        private readonly MeterListener _listener;

        public Measurements()
        {
            _listener = new()
            {
                InstrumentPublished = (instrument, listener) =>
                {
                    if (instrument.Meter.Name.StartsWith("LoraAspire.", StringComparison.Ordinal))
                    {
                        listener.EnableMeasurementEvents(instrument);
                    }
                },
            };
            _listener.SetMeasurementEventCallback<long>(
                (instrument, value, tags, _) => Add(new(instrument.Name, value, tags.ToArray().ToDictionary())));
            _listener.SetMeasurementEventCallback<double>(
                (instrument, value, tags, _) => Add(new(instrument.Name, value, tags.ToArray().ToDictionary())));
            _listener.Start();
        }

        public IReadOnlyList<Measurement> Of(string name) => [.. All.Where(point => point.Name == name)];

        public Task ContainsAsync(string name, Func<Measurement, bool> wanted) =>
            ContainsAsync(point => point.Name == name && wanted(point));

        public override void Dispose() => _listener.Dispose();
    }

    private sealed record Line(string Source, string Text, IReadOnlyList<(string, object?)> Fields);

    private sealed class LogFieldsSeen : Heard<Line>, ILoggerFactory
    {
        private readonly LoggerExternalScopeProvider _scopes = new();

        public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public override void Dispose()
        {
        }

        private sealed class Logger(LogFieldsSeen owner, string source) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state) where TState : notnull => owner._scopes.Push(state);

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
                Func<TState, Exception?, string> formatter)
            {
                var fields = new List<(string, object?)>();
                owner._scopes.ForEachScope((scope, all) => all.AddRange(scope is IEnumerable<KeyValuePair<string, object?>> pairs
                    ? pairs.Select(pair => (pair.Key, pair.Value)) : []), fields);
                owner.Add(new(source, formatter(state, exception), fields));
            }
        }
    }
}
