using LoraAspire.ChatClients;
using LoraAspire.Evaluator.Asking;
using LoraAspire.Evaluator.Judging;
using LoraAspire.Evaluator.Reports;
using LoraAspire.Model;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using Microsoft.Extensions.Logging.Abstractions;

namespace LoraAspire.Evaluator;

/// <summary>
/// Asks the model, its base and candidates the same questions, greedily, scores the answers and writes them side by side.
/// </summary>
/// <param name="chats">How to reach a chat model that judges; by default without service discovery.</param>
public sealed class EvaluateStage(ILogger<EvaluateStage>? log = null, ChatModels? chats = null) : IStage<EvaluatorParams>
{
    public async Task RunAsync(StageContext<EvaluatorParams> context, CancellationToken cancellationToken)
    {
        try
        {
            Evaluation evaluation = new(context, cancellationToken);
            // A key that is missing shows before a model is loaded.
            using var judge = context.With.Judge is { } judging ? new Judge(judging, chats ?? new(), context) : null;
            var report = await Task.Run(evaluation.RunAsync, cancellationToken);
            report = judge is null ? report : await judge.WithVerdictsAsync(report, cancellationToken);
            report = report with { Scores = Scores.With(context.With.Require, report.Scores) };
            var unmet = Scores.Unmet(context.With.Require, report.Scores);
            foreach (var score in report.Scores)
            {
                ScoreEvents.Log(log ?? NullLogger<EvaluateStage>.Instance, score,
                    unmet.FirstOrDefault(one => one.Score == score.Name).Words, report.Candidates);
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
        }
        catch (Exception error) when (error is ModelException or InvalidDataException)
        {
            throw new StageException(error.Message, inner: error);
        }
    }

    public IEnumerable<Finding> Check(StageCheck<EvaluatorParams> given) =>
        given.Inputs.SelectMany(input => ModelCheck.Problems(input.Value).Select(problem => new Finding(input.Key, problem)))
            .Concat(Problem("held_out", () => given.With.HeldOut is { } file ? HeldOutFile.Read(given.Data, file) : []))
            .Concat(Choices(given.Data, given.With));

    private static IEnumerable<Finding> Choices(DataRoot data, EvaluatorParams with)
    {
        Finding[] damaged = [.. Problem("multiple_choice", () => ChoiceFiles.Read(data, with.MultipleChoice)),
            .. Problem("dev", () => ChoiceFiles.Read(data, with.Dev))];
        return damaged.Length > 0 ? damaged : Problem("shots", () => ChoiceQuestions.Read(data, with).Rows);
    }

    private static IEnumerable<Finding> Problem(string key, Func<IReadOnlyList<object>> read)
    {
        try
        {
            read();
            return [];
        }
        catch (Exception error) when (error is StageException or ModelException or IOException or UnauthorizedAccessException)
        {
            return [new(key, error.Message)];
        }
    }
}
