using System.Collections.Immutable;

namespace Aspire.Hosting.ApplicationModel;

public enum ResourceCommandState { Enabled, Disabled, Hidden }

public static class KnownResourceCommands
{
    public static readonly string StartCommand = "start";
    public static readonly string StopCommand = "stop";
    public static readonly string RestartCommand = "restart";
}

public sealed class UpdateCommandStateContext
{
    public required CustomResourceSnapshot ResourceSnapshot { get; init; }
    public required IServiceProvider ServiceProvider { get; init; }
}

public class CommandOptions
{
    public string? Description { get; set; }
    public string? ConfirmationMessage { get; set; }
    public string? IconName { get; set; }
    public bool IsHighlighted { get; set; }
    public Func<UpdateCommandStateContext, ResourceCommandState>? UpdateState { get; set; }
}

public sealed class ExecuteCommandContext
{
    public required IServiceProvider ServiceProvider { get; init; }
    public required string ResourceName { get; init; }
    public required CancellationToken CancellationToken { get; init; }
}

public sealed class ExecuteCommandResult
{
    public required bool Success { get; init; }
    public bool Canceled { get; init; }
    public string? ErrorMessage { get; init; }
}

public static class CommandResults
{
    public static ExecuteCommandResult Success() => new() { Success = true };
    public static ExecuteCommandResult Failure(string? errorMessage = null) => new() { Success = false, ErrorMessage = errorMessage };
    public static ExecuteCommandResult Failure(Exception exception) => Failure(exception.Message);
    public static ExecuteCommandResult Canceled() => new() { Success = false, Canceled = true };
}

public sealed class ResourceCommandAnnotation(
    string name, string displayName, Func<UpdateCommandStateContext, ResourceCommandState> updateState,
    Func<ExecuteCommandContext, Task<ExecuteCommandResult>> executeCommand) : IResourceAnnotation
{
    public string Name { get; } = name;
    public string DisplayName { get; } = displayName;
    public Func<UpdateCommandStateContext, ResourceCommandState> UpdateState { get; } = updateState;
    public Func<ExecuteCommandContext, Task<ExecuteCommandResult>> ExecuteCommand { get; } = executeCommand;
}

/// <summary>Runs a resource's commands, for all its replicas when given the resource.</summary>
public class ResourceCommandService(ResourceNotificationService notifications, IServiceProvider services)
{
    public async Task<ExecuteCommandResult> ExecuteCommandAsync(IResource resource, string commandName, CancellationToken cancellationToken = default)
    {
        var ids = notifications.Current.Where(e => ReferenceEquals(e.Resource, resource)).Select(e => e.ResourceId).ToList();
        var results = await Task.WhenAll(ids.Select(id => ExecuteAsync(resource, id, commandName, cancellationToken)));
        return results.FirstOrDefault(r => !r.Success)
            ?? (results.Length > 0 ? results[0] : CommandResults.Failure($"'{resource.Name}' has no instance."));
    }

    public Task<ExecuteCommandResult> ExecuteCommandAsync(string resourceId, string commandName, CancellationToken cancellationToken = default)
    {
        var matches = notifications.Current.Where(e => e.ResourceId == resourceId).DefaultIfEmpty(
            notifications.Current.FirstOrDefault(e => string.Equals(e.Resource.Name, resourceId, StringComparison.OrdinalIgnoreCase))).ToImmutableArray();
        return matches is [{ } match]
            ? ExecuteAsync(match.Resource, match.ResourceId, commandName, cancellationToken)
            : Task.FromResult(CommandResults.Failure($"Resource '{resourceId}' not found."));
    }

    private async Task<ExecuteCommandResult> ExecuteAsync(IResource resource, string id, string name, CancellationToken cancellationToken)
    {
        if (resource.Annotations.OfType<ResourceCommandAnnotation>().FirstOrDefault(c => c.Name == name) is not { } command)
        {
            return CommandResults.Failure($"Command '{name}' not available for resource '{id}'.");
        }
        try
        {
            return await command.ExecuteCommand(new ExecuteCommandContext { ResourceName = id, ServiceProvider = services, CancellationToken = cancellationToken });
        }
        catch (OperationCanceledException)
        {
            return CommandResults.Canceled();
        }
        catch (Exception fault)
        {
            return CommandResults.Failure(fault);
        }
    }
}
