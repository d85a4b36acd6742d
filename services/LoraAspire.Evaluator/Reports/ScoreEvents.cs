using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Evaluator.Reports;

/// <summary>Each score as the event gen_ai.evaluation.result of OpenTelemetry's semantic conventions for generative AI.</summary>
internal static class ScoreEvents
{
    public const string Name = "gen_ai.evaluation.result";

    public static void Log(ILogger log, ReportedScore score, string? unmet)
    {
        List<KeyValuePair<string, object?>> fields =
        [
            new("gen_ai.evaluation.name", score.Name),
            new("gen_ai.evaluation.score.value", score.Value),
            new("gen_ai.evaluation.score.label", score.Required is null ? null : unmet is null ? "pass" : "fail"),
            new("gen_ai.evaluation.explanation", unmet ?? score.Text),
        ];
        log.Log(LogLevel.Information, new EventId(0, Name), fields.FindAll(field => field.Value is not null), null,
            (_, _) => FormattableString.Invariant($"{score.Name} = {score.Value:0.####}"));
    }
}
