using LoraAspire.Model;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Native;
using LoraAspire.Model.Prompts;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Evaluator;

/// <summary>Asks the model, and its base when given, the same questions, greedily, and writes the answers side by side.</summary>
public sealed class EvaluateStage : IStage<EvaluatorParams>
{
    public Task RunAsync(StageContext<EvaluatorParams> context, CancellationToken cancellationToken)
    {
        try
        {
            var model = context.Inputs["model"];
            var asked = context.Inputs.ContainsKey("base") ? 2 : 1;
            IProgress<int> progress = new AnsweredCount(context.Report, asked * context.With.Questions.Count);
            // The base is asked as the tuned model was taught, unless it brings a template of its own.
            var before = context.Inputs.TryGetValue("base", out var folder)
                ? Answers(folder, PromptFormat.Of(model), context.With, progress, cancellationToken)
                : null;
            var after = Answers(model, null, context.With, progress, cancellationToken);
            var rows = context.With.Questions.Select((question, i) => new AnsweredQuestion(question, before?[i], after[i])).ToList();
            var report = new AnswersReport(rows);
            var output = context.OutputDir("report");
            report.Save(output);
            File.WriteAllText(Path.Combine(output, AnswersPage.FileName), AnswersPage.Of(report));
            return Task.CompletedTask;
        }
        catch (Exception error) when (error is ModelException or InvalidDataException)
        {
            throw new StageException(error.Message, inner: error);
        }
    }

    /// <summary>One model in memory at a time.</summary>
    private static List<string> Answers(string folder, PromptFormat? template, EvaluatorParams with, IProgress<int> progress,
        CancellationToken cancellationToken)
    {
        using var model = LocalModel.Load(folder, ComputeDevice.Of(with.Device.ToString()), template);
        return [.. with.Questions.Select(question =>
        {
            var answer = model.Answer(question, GenerationOptions.Greedy(with.MaxNewTokens), cancellationToken);
            progress.Report(1);
            return answer;
        })];
    }

    private sealed class AnsweredCount(IProgress<StageProgress> report, int total) : IProgress<int>
    {
        private int _done;

        public void Report(int value) => report.Report(new StageProgress("answers", _done += value, total));
    }
}
