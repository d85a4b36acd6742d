using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Evaluator.Judging;

/// <summary>Adds up what a judge said.</summary>
/// <param name="names">Base, where there is one, model, candidates.</param>
internal sealed class Tally(IReadOnlyList<string> names, IReadOnlyList<JudgedRow> rows, IReadOnlyList<Ask> asks, bool hasBase)
{
    /// <summary>By the row's place: two rows may ask the same.</summary>
    private readonly ILookup<(int Row, int Answer), Ask> _asks = asks.ToLookup(ask => (ask.Row, ask.Answer));

    private IReadOnlyList<JudgedQuestion>? _questions;
    private IReadOnlyList<JudgedModel>? _models;

    public IReadOnlyList<JudgedQuestion> Questions => _questions ??= [.. rows.Select((row, at) => new JudgedQuestion(row.Question,
        [.. names.Select((_, i) => Answer(row, at, i))]))];

    public IReadOnlyList<JudgedModel> Models => _models ??= [.. names.Select((name, i) =>
    {
        var own = Questions.Select(question => question.Answers[i]).ToList();
        int Count(PairOutcome outcome) => own.Count(answer => answer.Outcome == outcome);
        return new JudgedModel(name, Mean(own))
        {
            Wins = Count(PairOutcome.Win),
            Ties = Count(PairOutcome.Tie),
            Losses = Count(PairOutcome.Loss),
            Undecided = rows.Index().Count(row => Pair(row.Index, i) is [{ } first, { } second] && first != second),
        };
    })];

    /// <summary>judge_win_rate and judge_rating, as far as they were asked for and anything could be read.</summary>
    public IEnumerable<ReportedScore> Scores(JudgeParams with)
    {
        var own = hasBase ? 1 : 0;
        if (with.Pairwise && hasBase && WinRate(Models[own]) is { } rate)
        {
            yield return new("judge_win_rate", rate)
            {
                P = SignTest(Models[own]),
                Candidates = Others(own, model => WinRate(model) is { } other ? new(other, P: SignTest(model)) : null),
            };
        }
        if (with.Rating && Models[own].Rating is { } rating)
        {
            yield return new("judge_rating", rating, hasBase ? Models[0].Rating : null)
            {
                Candidates = Others(own, model => model.Rating is { } other ? new(other) : null),
            };
        }
    }

    /// <summary>Two-sided: how likely wins and losses lie as far apart where each is as likely as the other; ties aside.</summary>
    internal static double SignTest(JudgedModel model)
    {
        var (trials, fewer) = (model.Wins + model.Losses, Math.Min(model.Wins, model.Losses));
        // In logarithms: of more than a thousand trials 0.5^trials is below the least double. The first term is that of no win at all.
        double tail = 0, term = -trials * Math.Log(2);
        for (var wins = 0; wins <= fewer; wins++)
        {
            tail += Math.Exp(term);
            term += Math.Log((trials - wins) / (wins + 1.0));
        }
        return Math.Min(1, 2 * tail);
    }

    private JudgedAnswer Answer(JudgedRow row, int at, int i)
    {
        var rating = _asks[(at, i)].FirstOrDefault(ask => ask.Form == VerdictForm.Rating)?.Verdict;
        var pair = _asks[(at, i)].Where(ask => ask.Form == VerdictForm.Pair).ToList();
        var isSame = hasBase && i > 0 && row.Answers[i] == row.Answers[0];
        return new(row.Answers[i], rating?.Value)
        {
            Reason = rating?.Reason,
            Outcome = isSame ? PairOutcome.Tie : Pair(at, i) is not [{ } first, { } second] ? null
                : first == second ? (PairOutcome)(first + 1) : PairOutcome.Tie,
            Reasons = [.. pair.Select(ask => ask.Verdict?.Reason).OfType<string>()],
        };
    }

    /// <summary>For both orders 1 where this answer won, −1 where the base's did, null where it couldn't be read.</summary>
    private IReadOnlyList<int?> Pair(int at, int i) => [.. _asks[(at, i)].Where(ask => ask.Form == VerdictForm.Pair)
        .Select(ask => ask.OtherFirst ? -ask.Verdict?.Value : ask.Verdict?.Value)];

    private static double? Mean(IEnumerable<JudgedAnswer> answers) => answers.Average(answer => (double?)answer.Rating);

    private static double? WinRate(JudgedModel model) => model.Wins + model.Ties + model.Losses is > 0 and var all
        ? (model.Wins + (model.Ties / 2.0)) / all : null;

    /// <summary>Null where there are none, or one of them has no number: a list is as long as there are candidates.</summary>
    private IReadOnlyList<CandidateScore>? Others(int own, Func<JudgedModel, CandidateScore?> score)
    {
        var others = Models.Skip(own + 1).Select(score).ToList();
        return others.Count == 0 || others.Contains(null) ? null : others.OfType<CandidateScore>().ToList();
    }
}
