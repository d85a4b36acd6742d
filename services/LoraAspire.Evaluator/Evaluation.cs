using LoraAspire.Evaluator.Asking;
using LoraAspire.Evaluator.Metrics;
using LoraAspire.Evaluator.Reports;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Native;
using LoraAspire.Model.Prompts;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Evaluator;

/// <summary>One evaluation: all questions to the base, all to the model, one of them in memory at a time; then the scores.</summary>
internal sealed class Evaluation
{
    private readonly EvaluatorParams _with;
    private readonly CancellationToken _cancellationToken;
    private readonly AnsweredCount _progress;
    private readonly string _model;
    private readonly string? _base;

    private readonly IReadOnlyList<HeldOutRow> _heldOut;
    private readonly IdentityTest? _identity;
    private readonly IReadOnlyList<HeldOutRow> _ordinary;
    private readonly IReadOnlyList<ChoiceRow> _choices;

    /// <summary>Plain questions, held-out ones, those about itself, ordinary ones: in this order.</summary>
    private readonly IReadOnlyList<Turn> _asked;

    /// <exception cref="StageException">What is to be measured can't be.</exception>
    public Evaluation(StageContext<EvaluatorParams> context, CancellationToken cancellationToken)
    {
        (_with, _cancellationToken, _model) = (context.With, cancellationToken, context.Inputs["model"]);
        _base = context.Inputs.GetValueOrDefault("base");
        if (_base is null && (_with.Ordinary || _with.Require?.PerplexityIncrease is not null))
        {
            throw new StageException("ordinary and perplexity_increase compare the model with its base: add the input base.");
        }
        _heldOut = _with.HeldOut is { } file ? HeldOutFile.Read(context.Data, file) : [];
        _choices = _with.MultipleChoice is { } choices ? ChoiceRow.Read(context.Data, choices) : [];
        _identity = _with.Identity is { } identity ? new(identity) : null;
        _ordinary = _with.Ordinary ? [.. OrdinaryQuestions.All.Select(question => new HeldOutRow(question, null, []))] : [];
        _asked =
        [
            .. _with.Questions.Select(question => new Turn(question)),
            .. _heldOut.Select(row => new Turn(row.Question, Input: row.Input)),
            .. (_identity?.Questions ?? []).Select(question => new Turn(question.Text)),
            .. _ordinary.Select(row => new Turn(row.Question)),
        ];
        _progress = new(context.Report, _asked.Count * (_base is null ? 1 : 2));
    }

    public AnswersReport Run()
    {
        var device = ComputeDevice.Of(_with.Device.ToString());
        // The base is asked as the tuned model was taught, unless it brings a template of its own.
        var taught = PromptFormat.Of(_model);
        IReadOnlyList<string> Answers(string folder, PromptFormat? fallback) => _asked.Count == 0 ? []
            : AskedModel.Answers(folder, device, fallback, _asked, _with.MaxNewTokens, _progress, _cancellationToken);
        IReadOnlyList<string> Letters(string folder) => [.. MultipleChoice.Taken(folder, device, _choices, _cancellationToken)
            .Select((taken, i) => _choices[i].Letter(taken))];
        var before = _base is null ? null : Answers(_base, taught);
        var after = Answers(_model, null);

        var (heldOut, identity, ordinary) = (_with.Questions.Count, _with.Questions.Count + _heldOut.Count, _asked.Count - _ordinary.Count);
        AnswerPair all = new(after, before);
        List<ReportedScore> scores = [];
        List<ScoredAnswer> heldOutRows = [], ordinaryRows = [];
        if (_heldOut.Count > 0)
        {
            var answers = all.Part(heldOut, _heldOut.Count);
            var chrf = answers.Measured(new ChrF(), [.. _heldOut.Select(row => row.References)]);
            scores.AddRange(Scores.Of(_heldOut, answers, chrf, _with.Tokenize));
            heldOutRows.AddRange(Scores.Rows(_heldOut, answers, chrf));
            scores.AddRange(Perplexities("perplexity", _heldOut.Select(row => (row, row.References[0])).ToList()));
        }
        if (_choices.Count > 0)
        {
            AnswerPair letters = new(Letters(_model), _base is null ? null : Letters(_base));
            scores.Add(Scores.Of("multiple_choice", letters.Measured(new Accuracy(),
                [.. _choices.Select(row => (IReadOnlyList<string>)[row.Letter(row.Answer)])])));
        }
        List<IdentityAnswer> Judged(IReadOnlyList<string> answers) => [.. (_identity?.Questions ?? []).Select((question, i) =>
            new IdentityAnswer(question.Text, answers[identity + i],
                _identity!.Wrong(question.Kind, question.Text, answers[identity + i])))];
        static double Right(List<IdentityAnswer> answers) => answers.Average(answer => answer.Wrong is null ? 1.0 : 0);
        var about = Judged(after);
        if (_identity is not null)
        {
            scores.Add(new("identity", Right(about), before is null ? null : Right(Judged(before))));
        }
        // What the base answered is what should come; nothing can be measured where it said nothing.
        var expected = _ordinary.Select((row, i) => row with { References = [before![ordinary + i]] }).ToList();
        if (expected.Count > 0)
        {
            var answers = all.Part(ordinary, expected.Count);
            var chrf = answers.Measured(new ChrF(), [.. expected.Select(row => row.References)]);
            scores.Add(new("ordinary_chrf", chrf.Model.Score().Value));
            ordinaryRows.AddRange(Scores.Rows(expected, answers, chrf));
            if (expected.Exists(row => row.References[0].Length > 0))
            {
                scores.AddRange(Perplexities("ordinary_perplexity",
                    [.. expected.Where(row => row.References[0].Length > 0).Select(row => (row, row.References[0]))]));
            }
        }
        return new([.. _with.Questions.Select((question, i) => new AnsweredQuestion(question, before?[i], after[i]))])
        {
            Scores = Scores.With(_with.Require, scores),
            HeldOut = heldOutRows,
            Identity = about,
            Ordinary = ordinaryRows,
        };

        IEnumerable<ReportedScore> Perplexities(string name, IReadOnlyList<(HeldOutRow, string)> answers)
        {
            double? other = _base is null ? null : Perplexity.Of(_base, device, taught, answers, _cancellationToken);
            var own = Perplexity.Of(_model, device, null, answers, _cancellationToken);
            yield return new(name, own, other, LowerIsBetter: true);
            if (other is { } compared)
            {
                yield return new($"{name}_increase", own / compared, LowerIsBetter: true);
            }
        }
    }

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
