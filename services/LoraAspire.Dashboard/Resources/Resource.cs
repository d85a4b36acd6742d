namespace LoraAspire.Dashboard.Resources;

/// <summary>A process or server of the app, as the AppHost's resource service tells it.</summary>
public sealed record Resource(
    string Id, string Name, string? Type, string? State, string? Health, DateTimeOffset? StartedAt, int? ExitCode, int? Pid, string? Source,
    IReadOnlyList<ResourceUrl>? Urls, IReadOnlyList<ResourceCommand>? Commands);

public sealed record ResourceUrl(string? Name, string Url);

public sealed record ResourceCommand(string Name, string DisplayName, bool Enabled);

public sealed record CommandOutcome(bool Success, string? Error);

/// <param name="Stream">stdout or stderr.</param>
public sealed record ConsoleLine(DateTimeOffset At, string Stream, string Text);
