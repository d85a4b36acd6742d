using LoraAspire.Evaluator.Asking;
using LoraAspire.Evaluator.Reports;
using LoraAspire.Model;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using Microsoft.Extensions.Logging.Abstractions;

namespace LoraAspire.Evaluator;

/// <summary>
/// Asks the model, and its base when given, the same questions, greedily, scores the answers and writes them side by side.
/// </summary>
public sealed class EvaluateStage(ILogger<EvaluateStage>? log = null) : IStage<EvaluatorParams>
{
    public Task RunAsync(StageContext<EvaluatorParams> context, CancellationToken cancellationToken)
    {
        try
        {
            var report = new Evaluation(context, cancellationToken).Run();
            var unmet = Scores.Unmet(context.With.Require, report.Scores);
            foreach (var score in report.Scores)
            {
                ScoreEvents.Log(log ?? NullLogger<EvaluateStage>.Instance, score,
                    unmet.FirstOrDefault(one => one.Score == score.Name).Words);
            }
            if (unmet.Count > 0)
            {
                var all = report.Scores.Select(score => FormattableString.Invariant($"{score.Name} {score.Value:0.####}"));
                var missed = unmet.Select(one => one.Words);
                throw new StageException(
                    $"The model isn't good enough: {string.Join("; ", missed)}. Its scores: {string.Join(", ", all)}.");
            }
            var output = context.OutputDir("report");
            report.Save(output);
            File.WriteAllText(Path.Combine(output, AnswersPage.FileName), AnswersPage.Of(report));
            File.WriteAllText(Path.Combine(output, HtmlPage.FileName), HtmlPage.Of(report));
            return Task.CompletedTask;
        }
        catch (Exception error) when (error is ModelException or InvalidDataException)
        {
            throw new StageException(error.Message, inner: error);
        }
    }

    public IEnumerable<Finding> Check(StageCheck<EvaluatorParams> given) =>
        given.Inputs.SelectMany(input => ModelCheck.Problems(input.Value).Select(problem => new Finding(input.Key, problem)))
            .Concat(Problem("held_out", given.With.HeldOut, file => HeldOutFile.Read(given.Data, file)))
            .Concat(Problem("multiple_choice", given.With.MultipleChoice, file => ChoiceRow.Read(given.Data, file)));

    private static IEnumerable<Finding> Problem(string key, string? file, Action<string> read)
    {
        try
        {
            if (file is not null)
            {
                read(file);
            }
            return [];
        }
        catch (Exception error) when (error is StageException or ModelException or IOException or UnauthorizedAccessException)
        {
            return [new(key, error.Message)];
        }
    }
}
