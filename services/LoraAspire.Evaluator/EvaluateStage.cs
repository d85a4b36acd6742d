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
    public async Task RunAsync(StageContext<EvaluatorParams> context, CancellationToken cancellationToken)
    {
        try
        {
            var model = context.Inputs["model"];
            var asked = context.Inputs.ContainsKey("base") ? 2 : 1;
            IProgress<int> progress = new AnsweredCount(context.Report, asked * context.With.Questions.Count);
            // The base is asked as the tuned model was taught, unless it brings a template of its own.
            var before = context.Inputs.TryGetValue("base", out var folder)
                ? await AnswersAsync(folder, PromptFormat.Of(model), context.With, progress, cancellationToken)
                : null;
            var after = await AnswersAsync(model, null, context.With, progress, cancellationToken);
            var rows = context.With.Questions.Select((question, i) => new AnsweredQuestion(question, before?[i], after[i])).ToList();
            var report = new AnswersReport(rows);
            var output = context.OutputDir("report");
            report.Save(output);
            File.WriteAllText(Path.Combine(output, AnswersPage.FileName), AnswersPage.Of(report));
        }
        catch (Exception error) when (error is ModelException or InvalidDataException)
        {
            throw new StageException(error.Message, inner: error);
        }
    }

    public IEnumerable<Finding> Check(StageCheck<EvaluatorParams> given) =>
        given.Inputs.SelectMany(input => ModelCheck.Problems(input.Value).Select(problem => new Finding(input.Key, problem)));

    /// <summary>One model in memory at a time.</summary>
    private static async Task<IReadOnlyList<string>> AnswersAsync(string folder, PromptFormat? template, EvaluatorParams with,
        IProgress<int> progress, CancellationToken cancellationToken)
    {
        using var model = LocalModel.Load(folder, ComputeDevice.Of(with.Device.ToString()), template);
        var prompts = with.Questions.Select(question => model.Format.Prompt(new(null, [new(question)]), model.Tokenizer)).ToList();
        var answers = await model.AnswersAsync(prompts, GenerationOptions.Greedy(with.MaxNewTokens), progress, cancellationToken);
        return [.. answers.Select(answer => answer.Trim())];
    }

    private sealed class AnsweredCount(IProgress<StageProgress> report, int total) : IProgress<int>
    {
        private readonly Lock _telling = new();
        private int _done;

        public void Report(int value)
        {
            lock (_telling) // answers end in any order, and on any thread; the count goes up all the same
            {
                report.Report(new StageProgress("answers", _done += value, total));
            }
        }
    }
}
