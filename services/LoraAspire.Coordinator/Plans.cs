using System.Collections.Concurrent;
using System.Diagnostics;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Coordinator;

/// <summary>
/// The plans that are being made. To plan is to hash what isn't remembered, which for a large model takes minutes: it stands in nobody's
/// way, is done once for all messages that wait for the same, and one after the other for the same model, since the first remembers for the
/// others.
/// </summary>
/// <param name="make">Makes one plan; may take minutes.</param>
/// <param name="report">Run and stage → who is told how far hashing has come.</param>
public sealed class Plans(
    Func<PlanRequest, IProgress<HashProgress>?, CancellationToken, StagePlan> make, Func<string, string, IProgress<StageProgress>> report)
{
    private const int AtOnce = 16;

    private readonly ConcurrentDictionary<(string Run, PlanKey Key), Plan> _plans = new();
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _models = new();
    private readonly SemaphoreSlim _places = new(AtOnce);

    /// <summary>
    /// The plan; begun when nobody asked for it before. What goes wrong is a <see cref="CannotRun"/>; it ends without a result only when it
    /// is stopped.
    /// </summary>
    public Task<StagePlan> Of(PlanRequest request) =>
        _plans.GetOrAdd((request.State.Id, request.Key), _ => new Plan(stop => MakeAsync(request, stop))).Result;

    /// <summary>Drops the plans of a run that are made, and stops those that are being made when it needs none any more.</summary>
    public void Forget(string run, bool all)
    {
        foreach (var (key, plan) in _plans.Where(plan => plan.Key.Run == run && (all || plan.Value.Result.IsCompleted)))
        {
            _plans.TryRemove(KeyValuePair.Create(key, plan));
            plan.Stop();
        }
    }

    private async Task<StagePlan> MakeAsync(PlanRequest request, CancellationToken stop)
    {
        try
        {
            var models = request.Stage.Inputs.Values.OfType<NamedModel>().Select(model => model.Name).Order();
            var model = _models.GetOrAdd(string.Join(' ', models), _ => new(1));
            await model.WaitAsync(stop);
            try
            {
                await _places.WaitAsync(stop);
                try
                {
                    // A thread of its own: the pool's are few, and this may take minutes.
                    var progress = new HashReport(report(request.State.Id, request.Stage.Id));
                    return await Task.Factory.StartNew(
                        () => make(request, progress, stop), stop, TaskCreationOptions.LongRunning, TaskScheduler.Default);
                }
                finally
                {
                    _places.Release();
                }
            }
            finally
            {
                model.Release();
            }
        }
        catch (Exception error) when (!stop.IsCancellationRequested)
        {
            return new CannotRun(Failure.Of(error).Words);
        }
    }

    /// <summary>Stops whatever is being planned.</summary>
    public void Stop()
    {
        foreach (var plan in _plans.Values)
        {
            plan.Stop();
        }
    }

    /// <summary>Only what takes long enough to be wondered at.</summary>
    private sealed class HashReport(IProgress<StageProgress> report) : IProgress<HashProgress>
    {
        private const long Megabyte = 1_000_000;
        private static readonly long Interval = Stopwatch.Frequency;
        private long _next = Stopwatch.GetTimestamp() + Interval;

        public void Report(HashProgress value)
        {
            var (now, next) = (Stopwatch.GetTimestamp(), Interlocked.Read(ref _next));
            if (now >= next && Interlocked.CompareExchange(ref _next, now + Interval, next) == next)
            {
                report.Report(new("MB hashed", value.Bytes / Megabyte, value.Total / Megabyte));
            }
        }
    }

    private sealed class Plan
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Lazy<Task<StagePlan>> _result;

        public Plan(Func<CancellationToken, Task<StagePlan>> make) => _result = new(() => make(_stop.Token));

        public Task<StagePlan> Result => _result.Value;

        public void Stop() => _stop.Cancel();
    }
}
