using System.Collections.Concurrent;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Hosting;

namespace LoraAspire.Coordinator;

/// <summary>
/// The plans that are being made. To plan is to hash what isn't remembered, which for a large model takes minutes: it stands in nobody's way, is done once for all messages
/// that wait for the same, and one after the other for the same model, since the first remembers for the others.
/// </summary>
public sealed class Plans(Planner planner)
{
    private const int AtOnce = 16;

    private readonly ConcurrentDictionary<(string Run, string Stage, int Attempt), Plan> _plans = new();
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _models = new();
    private readonly SemaphoreSlim _places = new(AtOnce);

    /// <summary>What a submitted pipeline may name here.</summary>
    public Surroundings Around => planner.Around;

    /// <summary>The plan of a stage's next attempt; begun when nobody asked before. It never fails: what goes wrong is <see cref="Unready"/>.</summary>
    public Task<Preparation> Of(Pipeline pipeline, StageSpec spec, RunState state)
    {
        var key = (state.Id, spec.Id, (state.Stage(spec.Id)?.Attempt ?? 0) + 1);
        var plan = _plans.GetOrAdd(key, _ => new Plan(stop => MakeAsync(pipeline, spec, state, stop)));
        return plan.Result;
    }

    /// <summary>Drops the plans of a run that are made, and stops those that are being made when it needs none any more.</summary>
    public void Forget(string run, bool all)
    {
        foreach (var (key, plan) in _plans.Where(plan => plan.Key.Run == run && (all || plan.Value.Result.IsCompleted)))
        {
            _plans.TryRemove(KeyValuePair.Create(key, plan));
            plan.Stop();
        }
    }

    private async Task<Preparation> MakeAsync(Pipeline pipeline, StageSpec spec, RunState state, CancellationToken stop)
    {
        try
        {
            var model = _models.GetOrAdd(string.Join(' ', spec.Inputs.Values.OfType<NamedModel>().Select(model => model.Name).Order()), _ => new(1));
            await model.WaitAsync(stop);
            try
            {
                await _places.WaitAsync(stop);
                try
                {
                    // A thread of its own: the pool's are few, and this may take minutes.
                    return await Task.Factory.StartNew(() => planner.Prepare(pipeline, spec, state), stop, TaskCreationOptions.LongRunning, TaskScheduler.Default);
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
        catch (Exception error)
        {
            return new Unready(error is OperationCanceledException ? "nobody waits for it any more" : Failure.Of(error).Words);
        }
    }

    private sealed class Plan
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Lazy<Task<Preparation>> _result;

        public Plan(Func<CancellationToken, Task<Preparation>> make) => _result = new(() => make(_stop.Token));

        public Task<Preparation> Result => _result.Value;

        public void Stop() => _stop.Cancel();
    }
}
