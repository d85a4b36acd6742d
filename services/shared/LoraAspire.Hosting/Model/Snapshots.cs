using System.Collections.Immutable;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>What one instance of a resource is doing, at one moment.</summary>
public sealed record CustomResourceSnapshot
{
    public required string ResourceType { get; init; }
    public ResourceStateSnapshot? State { get; init; }
    public int? ExitCode { get; init; }
    public DateTime? StartTimeStamp { get; init; }
    public DateTime? StopTimeStamp { get; init; }
    /// <summary>Null unless running.</summary>
    public HealthStatus? HealthStatus { get; init; }
    /// <summary>Completes with the ResourceReady handlers of this start; null before them.</summary>
    public EventSnapshot? ResourceReadyEvent { get; init; }
    public ImmutableArray<UrlSnapshot> Urls { get; init; } = [];
    public ImmutableArray<ResourcePropertySnapshot> Properties { get; init; } = [];
}

public sealed record ResourceStateSnapshot(string Text, string? Style)
{
    public static implicit operator ResourceStateSnapshot?(string? text) => text is null ? null : new(text, null);
}

public sealed record EventSnapshot(Task EventTask);

public sealed record UrlSnapshot(string? Name, string Url, bool IsInternal);

public sealed record ResourcePropertySnapshot(string Name, object? Value);

public class ResourceEvent(IResource resource, string resourceId, CustomResourceSnapshot snapshot)
{
    public IResource Resource { get; } = resource;
    public string ResourceId { get; } = resourceId;
    public CustomResourceSnapshot Snapshot { get; } = snapshot;
}

public static class KnownResourceStates
{
    public static readonly string Starting = nameof(Starting);
    public static readonly string Running = nameof(Running);
    public static readonly string FailedToStart = nameof(FailedToStart);
    public static readonly string Stopping = nameof(Stopping);
    public static readonly string Exited = nameof(Exited);
    public static readonly string Finished = nameof(Finished);
    public static readonly string Waiting = nameof(Waiting);
    public static readonly string NotStarted = nameof(NotStarted);

    public static readonly IReadOnlyList<string> TerminalStates = [Finished, FailedToStart, Exited];
}
