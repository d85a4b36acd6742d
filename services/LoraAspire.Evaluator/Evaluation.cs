using LoraAspire.Evaluator.Asking;
using LoraAspire.Evaluator.Metrics;
using LoraAspire.Evaluator.Reports;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Native;
using LoraAspire.Model.Prompts;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using TorchSharp;

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
        var before = _base is null ? null : Answers(_base, taught);
        var after = Answers(_model, null);

        var (heldOut, identity, ordinary) = (_with.Questions.Count, _with.Questions.Count + _heldOut.Count, _asked.Count - _ordinary.Count);
        AnswerPair all = new(after, before);
        // What the base answered is what should come; nothing can be measured where it said nothing.
        var expected = _ordinary.Select((row, i) => row with { References = [before![ordinary + i]] }).ToList();
        var said = expected.FindAll(row => row.References[0].Length > 0);
        var other = _base is null ? null : Probabilities(_base, device, taught, said);
        var own = Probabilities(_model, device, null, said);

        List<ReportedScore> scores = [];
        List<ScoredAnswer> heldOutRows = [], ordinaryRows = [];
        if (_heldOut.Count > 0)
        {
            var answers = all.Part(heldOut, _heldOut.Count);
            var chrf = answers.Measured(new ChrF(), [.. _heldOut.Select(row => row.References)]);
            scores.AddRange(Scores.Of(_heldOut, answers, chrf, _with.Tokenize));
            heldOutRows.AddRange(Scores.Rows(_heldOut, answers, chrf));
            scores.AddRange(Perplexities("perplexity", own.HeldOut, other?.HeldOut));
        }
        if (_choices.Count > 0)
        {
            AnswerPair letters = new(own.Letters, other?.Letters);
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
        if (expected.Count > 0)
        {
            var answers = all.Part(ordinary, expected.Count);
            var chrf = answers.Measured(new ChrF(), [.. expected.Select(row => row.References)]);
            scores.Add(new("ordinary_chrf", chrf.Model.Score().Value));
            ordinaryRows.AddRange(Scores.Rows(expected, answers, chrf));
            scores.AddRange(Perplexities("ordinary_perplexity", own.Ordinary, other?.Ordinary));
        }
        return new([.. _with.Questions.Select((question, i) => new AnsweredQuestion(question, before?[i], after[i]))])
        {
            Scores = Scores.With(_with.Require, scores),
            HeldOut = heldOutRows,
            Identity = about,
            Ordinary = ordinaryRows,
        };
    }

    private static IEnumerable<ReportedScore> Perplexities(string name, double? own, double? other)
    {
        if (own is { } measured)
        {
            yield return new(name, measured, other, LowerIsBetter: true);
            if (other is { } compared)
            {
                yield return new($"{name}_increase", measured / compared, LowerIsBetter: true);
            }
        }
    }

    /// <param name="fallback">The prompt format of a folder that brings none.</param>
    /// <param name="ordinary">What the base answered to ordinary questions.</param>
    private Probable Probabilities(string folder, torch.Device device, PromptFormat? fallback, IReadOnlyList<HeldOutRow> ordinary)
    {
        if (_heldOut.Count + ordinary.Count + _choices.Count == 0)
        {
            return new(null, null, []);
        }
        using LoadedModel model = new(folder, device, fallback);
        double? Perplexed(IReadOnlyList<HeldOutRow> rows) => rows.Count == 0 ? null
            : Perplexity.Of(model, rows.Select(row => (row, row.References[0])), _cancellationToken);
        return new(Perplexed(_heldOut), Perplexed(ordinary),
            [.. MultipleChoice.Taken(model, _choices, _cancellationToken).Zip(_choices, (taken, row) => row.Letter(taken))]);
    }

    /// <summary>What a model's probabilities tell, without an answer; a perplexity that isn't asked for is null.</summary>
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
