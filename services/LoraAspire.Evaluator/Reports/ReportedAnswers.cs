using LoraAspire.Evaluator.Asking;
using LoraAspire.Evaluator.Metrics;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Evaluator.Reports;

/// <summary>Puts a report together, part by part, from the answers of all models.</summary>
/// <param name="all">To all questions of the set.</param>
internal sealed class ReportedAnswers(QuestionSet questions, AnswerSet all, bool hasBase)
{
    private readonly List<ReportedScore> _scores = [];
    private readonly List<ScoredAnswer> _heldOut = [], _ordinary = [];
    private readonly List<IdentityAnswer> _identity = [];
    private readonly List<SubjectScore> _subjects = [];

    public void AddHeldOut(string tokenizer)
    {
        var answers = all.Part(questions.HeldOutStart, questions.HeldOut.Count);
        var chrf = answers.Measured(new ChrF(), [.. questions.HeldOut.Select(row => row.References)]);
        _scores.AddRange(Scores.Of(questions.HeldOut, answers, chrf, tokenizer));
        _heldOut.AddRange(Scores.Rows(questions.HeldOut, answers, chrf));
    }

    /// <param name="measured">Base, where there is one, model, candidates; null where it wasn't.</param>
    public void AddPerplexities(string name, IReadOnlyList<double?> measured)
    {
        var (before, own) = hasBase ? (measured[0], measured[1]) : (null, measured[0]);
        if (own is null)
        {
            return;
        }
        var others = measured.Skip(hasBase ? 2 : 1).OfType<double>().ToList();
        ReportedScore Score(string score, double? compared, double by) => new(score, own.Value / by, compared, LowerIsBetter: true)
        {
            Candidates = others.SelectOrNull(other => new CandidateScore(other / by)),
        };
        _scores.Add(Score(name, before, 1));
        if (before is not null)
        {
            _scores.Add(Score($"{name}_increase", null, before.Value));
        }
    }

    /// <summary>In all the mean over questions, as lm-evaluation-harness weighs subjects by their size.</summary>
    public void AddChoices(AnswerSet letters)
    {
        var rows = questions.Choices.Rows;
        MeasuredSet Measured(IReadOnlyList<int> some) => letters.Each(own => [.. some.Select(i => own[i])])
            .Measured(new Accuracy(), [.. some.Select(i => (IReadOnlyList<string>)[rows[i].Letter(rows[i].Answer)])]);
        _scores.Add(Scores.Of("multiple_choice", Measured([.. Enumerable.Range(0, rows.Count)])));
        foreach (var subject in Enumerable.Range(0, rows.Count).GroupBy(i => rows[i].Subject ?? ""))
        {
            int[] some = [.. subject];
            var measured = Measured(some);
            _subjects.Add(new(subject.Key, some.Length, measured.Model.Score().Value, measured.Base?.Score().Value)
            {
                Candidates = measured.Candidates.SelectOrNull(one => one.Score().Value),
            });
        }
    }

    public void AddIdentity()
    {
        var test = questions.Identity!;
        var answers = all.Part(questions.IdentityStart, test.Questions.Count);
        string? Wrong(IReadOnlyList<string> own, int i) => test.Wrong(test.Questions[i].Kind, test.Questions[i].Text, own[i]);
        _identity.AddRange(test.Questions.Select((asked, i) => new IdentityAnswer(asked.Text, answers.Model[i], Wrong(answers.Model, i))
        {
            Candidates = answers.Candidates.SelectOrNull(own => new CandidateIdentity(own[i], Wrong(own, i))),
        }));
        _scores.Add(Scores.Share("identity", answers.Each(own => [.. own.Select((_, i) => Scores.Right(Wrong(own, i)))])));
    }

    /// <param name="expected">The questions, with the base's answers as references.</param>
    public void AddOrdinary(IReadOnlyList<HeldOutRow> expected)
    {
        var answers = all.Part(questions.OrdinaryStart, expected.Count);
        var chrf = answers.Measured(new ChrF(), [.. expected.Select(row => row.References)]);
        _scores.Add(new("ordinary_chrf", chrf.Model.Score().Value)
        {
            Candidates = chrf.Candidates.SelectOrNull(one => new CandidateScore(one.Score().Value)),
        });
        _ordinary.AddRange(Scores.Rows(expected, answers, chrf));
    }

    /// <param name="candidates">Their names.</param>
    public AnswersReport Build(IReadOnlyList<string> candidates) => new([.. questions.Plain.Select((question, i) =>
        new AnsweredQuestion(question, all.Base?[i], all.Model[i])
        {
            Candidates = all.Candidates.SelectOrNull(own => own[i]),
        })])
    {
        Candidates = candidates,
        Scores = _scores,
        HeldOut = _heldOut,
        Identity = _identity,
        Ordinary = _ordinary,
        Subjects = _subjects,
        AlsoTrained = questions.AlsoTrained,
    };
}
