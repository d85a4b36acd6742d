using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Evaluator.Reports;

/// <summary>
/// Each score as the event gen_ai.evaluation.result of OpenTelemetry's semantic conventions for generative AI; a candidate's says whose.
/// </summary>
internal static class ScoreEvents
{
    public const string Name = "gen_ai.evaluation.result";

    /// <param name="candidates">Their names.</param>
    public static void Log(ILogger log, ReportedScore score, string? unmet, IReadOnlyList<string> candidates)
    {
        Log(log, score.Name, score.Value, null,
            [new("gen_ai.evaluation.score.label", score.Required is null ? null : unmet is null ? "pass" : "fail"),
                new("gen_ai.evaluation.explanation", unmet ?? score.Text)]);
        foreach (var (candidate, own) in candidates.Zip(score.Candidates ?? []))
        {
            Log(log, score.Name, own.Value, candidate, []);
        }
    }

    private static void Log(ILogger log, string name, double value, string? candidate,
        IEnumerable<KeyValuePair<string, object?>> more)
    {
        List<KeyValuePair<string, object?>> fields =
        [
            new("gen_ai.evaluation.name", name),
            new("gen_ai.evaluation.score.value", value),
            new("lora.candidate", candidate),
            .. more,
        ];
        var of = candidate is null ? "" : $" of {candidate}";
        log.Log(LogLevel.Information, new EventId(0, Name), fields.FindAll(field => field.Value is not null), null,
            (_, _) => FormattableString.Invariant($"{name}{of} = {value:0.####}"));
    }
}
