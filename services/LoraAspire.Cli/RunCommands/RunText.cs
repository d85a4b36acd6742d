using System.Globalization;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Terminal;

namespace LoraAspire.Cli.RunCommands;

/// <summary>States, times and figures of runs in words.</summary>
internal static class RunText
{
    public const string None = "–";

    /// <summary>Every word for a run's state.</summary>
    public static IReadOnlyList<string> States { get; } = [.. Enum.GetValues<RunStatus>().Select(Of)];

    public static string Of(RunStatus status) => status.ToString().ToLowerInvariant();

    public static string Of(StageState stage) => stage.Cached ? "cached" : stage.Status.ToString().ToLowerInvariant();

    public static string Colour(RunStatus status) => status switch
    {
        RunStatus.Succeeded => "green",
        RunStatus.Failed => "red",
        RunStatus.Running => "blue",
        _ => "yellow",
    };

    public static string At(DateTimeOffset? time) =>
        time?.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) ?? None;

    public static string Took(TimeSpan? span) => span is { } known ? Duration.Text(known) : None;

    public static string Figure(double? value) => value?.ToString(
        Math.Abs(value.Value) < 10 ? "0.####" : "0.00", CultureInfo.InvariantCulture) ?? None;

    /// <summary>Until now, while it goes on.</summary>
    public static TimeSpan? Took(RunState run) => (run.FinishedAt ?? TimeProvider.System.GetUtcNow()) - run.SubmittedAt;

    public static TimeSpan? Took(StageState stage) =>
        (stage.FinishedAt ?? (stage.InFlight ? TimeProvider.System.GetUtcNow() : null)) - stage.StartedAt;
}
