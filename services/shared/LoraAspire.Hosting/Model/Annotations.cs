namespace Aspire.Hosting.ApplicationModel;

/// <summary>Adds to a resource's environment each time it starts. Values are strings or <see cref="IValueProvider"/>s.</summary>
public sealed class EnvironmentCallbackAnnotation(Func<EnvironmentCallbackContext, Task> callback) : IResourceAnnotation
{
    public Func<EnvironmentCallbackContext, Task> Callback { get; } = callback;
}

public sealed class EnvironmentCallbackContext(
    DistributedApplicationExecutionContext executionContext, Dictionary<string, object>? environmentVariables = null, CancellationToken cancellationToken = default)
{
    public DistributedApplicationExecutionContext ExecutionContext { get; } = executionContext;
    public Dictionary<string, object> EnvironmentVariables { get; } = environmentVariables ?? [];
    public CancellationToken CancellationToken { get; } = cancellationToken;
}

/// <summary>Adds to a resource's command line each time it starts.</summary>
public sealed class CommandLineArgsCallbackAnnotation(Func<CommandLineArgsCallbackContext, Task> callback) : IResourceAnnotation
{
    public Func<CommandLineArgsCallbackContext, Task> Callback { get; } = callback;
}

public sealed class CommandLineArgsCallbackContext(IList<object> args, CancellationToken cancellationToken = default)
{
    public IList<object> Args { get; } = args;
    public CancellationToken CancellationToken { get; } = cancellationToken;
}

/// <summary>How many processes of this resource run.</summary>
public sealed class ReplicaAnnotation(int replicas) : IResourceAnnotation
{
    public int Replicas { get; } = replicas;
}

/// <summary>The key of a check registered with <c>AddHealthChecks</c> that this resource must pass.</summary>
public sealed class HealthCheckAnnotation(string key) : IResourceAnnotation
{
    public string Key { get; } = key;
}

public enum WaitType { WaitUntilHealthy, WaitForCompletion, WaitUntilStarted }

public enum WaitBehavior { WaitOnResourceUnavailable, StopOnResourceUnavailable }

public sealed class WaitAnnotation(IResource resource, WaitType waitType, int exitCode = 0) : IResourceAnnotation
{
    public IResource Resource { get; } = resource;
    public WaitType WaitType { get; } = waitType;
    public int ExitCode { get; } = exitCode;
    public WaitBehavior? WaitBehavior { get; set; }
}

/// <summary>How often a store writes a snapshot.</summary>
public sealed class PersistenceAnnotation(TimeSpan? interval, long keysChangedThreshold) : IResourceAnnotation
{
    public TimeSpan? Interval { get; } = interval;
    public long KeysChangedThreshold { get; } = keysChangedThreshold;
}
