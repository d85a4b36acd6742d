using System.Collections.Concurrent;
using System.Reflection;
using StackExchange.Redis;

namespace LoraAspire.RedisTests.Protocol;

/// <summary>The real Redis, each of whose commands waits at a gate until the schedule lets it pass.</summary>
public class GatedRedis : DispatchProxy
{
    private static readonly ConcurrentDictionary<Type, MethodInfo> Typed = new();
    private static readonly MethodInfo Generic =
        typeof(GatedRedis).GetMethod(nameof(PassedAsync), BindingFlags.NonPublic | BindingFlags.Instance)!;

    private IDatabase _redis = null!;
    private Flow _flow = null!;

    internal static IDatabase Of(IDatabase redis, Flow flow)
    {
        var gated = Create<IDatabase, GatedRedis>();
        ((GatedRedis)(object)gated)._redis = redis;
        ((GatedRedis)(object)gated)._flow = flow;
        return gated;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        object? Call() => targetMethod!.Invoke(_redis, BindingFlags.DoNotWrapExceptions, null, args, null);
        return targetMethod!.ReturnType is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(Task<>)
            ? Typed.GetOrAdd(type.GetGenericArguments()[0], result => Generic.MakeGenericMethod(result))
                .Invoke(this, [(Func<object?>)Call, targetMethod.Name == nameof(IDatabase.StreamAddAsync)])
            : Call();
    }

    private async Task<T> PassedAsync<T>(Func<object?> call, bool adds)
    {
        await _flow.PassAsync();
        var result = await (Task<T>)call()!;
        _flow.Added += adds ? 1 : 0;
        return result;
    }
}

/// <summary>One thread of control of an actor. It stands before a command, waits for a plan, or is done.</summary>
internal sealed class Flow(Actor actor)
{
    private readonly Lock _lock = new();
    private TaskCompletionSource? _go;
    private TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Actor Actor => actor;

    /// <summary>Entries that it added to a stream by a command of its own.</summary>
    public int Added { get; set; }

    /// <summary>Done when it may wait for a plan instead of standing before a command.</summary>
    public Task MayWait { get; set; } = Task.Delay(Timeout.Infinite);

    public Task Work { get; set; } = Task.CompletedTask;

    /// <summary>Done when it stands before its next command.</summary>
    public Task Arrived { get { lock (_lock) { return _arrived.Task; } } }

    public bool Stands => Arrived.IsCompleted;

    public Task PassAsync()
    {
        lock (_lock)
        {
            _go = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _arrived.TrySetResult();
            return _go.Task;
        }
    }

    public void LetPass()
    {
        lock (_lock)
        {
            _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _go!.TrySetResult();
        }
    }
}

/// <summary>A coordinator or a worker. One that is dead issues no command any more, whatever it was about to do.</summary>
internal sealed class Actor(string name)
{
    public string Name => name;

    public bool Dead { get; set; }
}
