using LoraAspire.Evaluator.Asking;
using LoraAspire.Evaluator.Reports;
using LoraAspire.Model.Native;
using LoraAspire.Model.Prompts;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using TorchSharp;

namespace LoraAspire.Evaluator;

/// <summary>
/// One evaluation: all questions to each model, those of one folder in one engine and one folder in memory at a time; then the scores.
/// </summary>
internal sealed class Evaluation
{
    private readonly StageContext<EvaluatorParams> _context;
    private readonly CancellationToken _cancellationToken;
    private readonly IReadOnlyList<Contestant> _models;
    private readonly QuestionSet _questions;
    private readonly torch.Device _device;

    /// <summary>Others are asked as the model was taught, unless they bring a template of their own.</summary>
    private readonly PromptFormat? _taught;

    /// <exception cref="StageException">What is to be measured can't be.</exception>
    public Evaluation(StageContext<EvaluatorParams> context, CancellationToken cancellationToken)
    {
        (_context, _cancellationToken, _models) = (context, cancellationToken, Contestant.Of(context.Inputs));
        var with = context.With;
        if (!HasBase && (with.Ordinary || with.Require?.PerplexityIncrease is not null))
        {
            throw new StageException("ordinary and perplexity_increase compare the model with its base: add the input base.");
        }
        if (!HasBase && (with.Require?.JudgeWinRate is not null || with.Judge is { Rating: false }))
        {
            throw new StageException("The judge's pairs compare the model with its base: add the input base, or have it rate answers.");
        }
        _questions = QuestionSet.Read(context);
        if (_questions.AlsoTrained > 0)
        {
            context.Say($"{_questions.AlsoTrained} held-out records are left out: training held them, with prompt and answer.");
        }
        DatasetRows.RequireSame(_questions.HeldOut, with.Split is null ? [] : _models);
        (_device, _taught) = (ComputeDevice.Of(with.Device.ToString()), PromptFormat.Of(context.Inputs[Contestant.Model]));
    }

    private bool HasBase => _models[0].Name == Contestant.Base;

    /// <summary>Answers and scores, without a judge's.</summary>
    public async Task<AnswersReport> RunAsync()
    {
        var all = AnswerSet.Of(await AnswersAsync(), HasBase);
        // What the base answered is what should come; nothing can be measured where it said nothing.
        var ordinary = all.Part(_questions.OrdinaryStart, _questions.Ordinary.Count);
        var expected = _questions.Ordinary.Select((row, i) => row with { References = [ordinary.Base![i]] }).ToList();
        var probable = Probabilities(expected.FindAll(row => row.References[0].Length > 0));

        ReportedAnswers report = new(_questions, all, HasBase);
        if (_questions.HeldOut.Count > 0)
        {
            report.AddHeldOut(_context.With.Tokenize);
            report.AddPerplexities("perplexity", [.. probable.Select(one => one.HeldOut)]);
        }
        if (_questions.Choices.Rows.Count > 0)
        {
            report.AddChoices(AnswerSet.Of([.. probable.Select(one => one.Letters)], HasBase));
        }
        if (_questions.Identity is not null)
        {
            report.AddIdentity();
        }
        if (expected.Count > 0)
        {
            report.AddOrdinary(expected);
            report.AddPerplexities("ordinary_perplexity", [.. probable.Select(one => one.Ordinary)]);
        }
        return report.Build([.. _models.Skip(HasBase ? 2 : 1).Select(model => model.Name)]);
    }

    /// <summary>In the order of the models.</summary>
    private async Task<IReadOnlyList<IReadOnlyList<string>>> AnswersAsync()
    {
        var asked = _questions.Asked;
        var answers = _models.ToDictionary(model => model.Name, _ => (IReadOnlyList<string>)[]);
        AnsweredCount progress = new(_context.Report, asked.Count * _models.Count);
        foreach (var group in asked.Count == 0 ? [] : _models.GroupBy(model => model.Folder))
        {
            Contestant[] together = [.. group];
            var said = await AskedModel.AnswersAsync(together, _device, _taught, asked, _context.With.MaxNewTokens, progress,
                _cancellationToken);
            foreach (var (model, own) in together.Zip(said))
            {
                answers[model.Name] = own;
            }
        }
        return [.. _models.Select(model => answers[model.Name])];
    }

    /// <summary>What each model's probabilities tell, in the order of the models.</summary>
    /// <param name="ordinary">What the base answered to ordinary questions.</param>
    private List<Probable> Probabilities(IReadOnlyList<HeldOutRow> ordinary) =>
        [.. _models.Select(model => Probabilities(model, ordinary))];

    private Probable Probabilities(Contestant who, IReadOnlyList<HeldOutRow> ordinary)
    {
        if (_questions.HeldOut.Count + ordinary.Count + _questions.Choices.Rows.Count == 0)
        {
            return new(null, null, []);
        }
        using LoadedModel model = new(who, _device, _taught);
        double? Perplexed(IReadOnlyList<HeldOutRow> rows) => rows.Count == 0 ? null
            : Perplexity.Of(model, rows, _cancellationToken);
        var choices = _questions.Choices;
        return new(Perplexed(_questions.HeldOut), Perplexed(ordinary),
            [.. MultipleChoice.Taken(model, choices, _cancellationToken).Zip(choices.Rows, (taken, row) => row.Letter(taken))]);
    }

    /// <summary>A perplexity that isn't asked for is null.</summary>
    private sealed record Probable(double? HeldOut, double? Ordinary, IReadOnlyList<string> Letters);

    private sealed class AnsweredCount(IProgress<StageProgress> report, int total) : IProgress<int>
    {
        private readonly Lock _telling = new();
        private int _done;

        /// <summary>From several threads; never a smaller count after a larger one.</summary>
        public void Report(int value)
        {
            lock (_telling)
            {
                report.Report(new StageProgress("answers", _done += value, total));
            }
        }
    }
}
