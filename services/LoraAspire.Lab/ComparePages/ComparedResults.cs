using LoraAspire.Lab.Languages;
using LoraAspire.Lab.ResultPages;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Lab.ComparePages;

/// <summary>What several runs came to, side by side.</summary>
/// <param name="Groups">Sorts of questions; a column for each run, before them one for each base that was asked.</param>
public sealed record ComparedResults(IReadOnlyList<ComparedScore> Scores, IReadOnlyList<AnswerGroup> Groups)
{
    /// <param name="runs">Name of the column, and what was found; null while that is being read.</param>
    public static ComparedResults Of(IReadOnlyList<(string Name, RunResult? Result)> runs)
    {
        var views = runs.Select(run => run.Result?.Reports.Select(report => report.View).OfType<ReportView>().ToList() ?? []).ToList();
        return new(Scored(views), [.. views.SelectMany(some => some).SelectMany(view => view.Groups).Where(group => group.Tuned >= 0)
            .Select(group => group.Title).Distinct()
            .Select(title => Answered(title, [.. runs.Select(run => run.Name)], views))]);
    }

    /// <summary>A score of several reports of a run is that of the last one.</summary>
    private static IReadOnlyList<ComparedScore> Scored(List<List<ReportView>> views)
    {
        var columns = views.Select(some => some.SelectMany(view => view.Scores.Lines).Select(line => line.Score)
            .GroupBy(score => score.Name).ToDictionary(same => same.Key, same => same.Last())).ToList();
        return [.. columns.SelectMany(column => column.Values).DistinctBy(score => score.Name)
            .Select(score => new ComparedScore(score.Name, score.LowerIsBetter,
                [.. columns.Select(column => column.GetValueOrDefault(score.Name))]))];
    }

    private static AnswerGroup Answered(string title, IReadOnlyList<string> names, List<List<ReportView>> views)
    {
        var columns = views.Select(some => some.SelectMany(view => view.Groups).Where(group => group.Title == title && group.Tuned >= 0)
            .ToList()).ToList();
        var all = columns.SelectMany(column => column).ToList();
        var told = columns.Select(column => Lines(column, group => group.Tuned)).ToList();
        var bases = Bases([.. columns.Select(column => Lines(column.Where(group => group.Tuned > 0), _ => 0))]);
        return new(title, all[0].Note,
            [
                .. bases.Select(one => bases.Count == 1 ? Words.Of("Base")
                    : Words.Of("Base of {0}", string.Join(", ", one.Runs.Select(run => names[run])))),
                .. names,
            ],
        [
            .. all.SelectMany(group => group.Lines).DistinctBy(line => line.Question).Select(line => new AnswerLine(line.Question,
            [
                .. bases.Select(one => one.Answers.GetValueOrDefault(line.Question)),
                .. told.Select(column => column.GetValueOrDefault(line.Question)),
            ])
            { Reference = line.Reference }),
        ]);
    }

    /// <summary>Bases that answered alike are one.</summary>
    private static List<(List<int> Runs, Dictionary<string, AnswerCell?> Answers)> Bases(
        IReadOnlyList<Dictionary<string, AnswerCell?>> asked)
    {
        List<(List<int> Runs, Dictionary<string, AnswerCell?> Answers)> bases = [];
        for (var run = 0; run < asked.Count; run++)
        {
            var answers = asked[run];
            if (answers.Count == 0)
            {
                continue;
            }
            var same = bases.Find(one => answers.All(answer =>
                !one.Answers.TryGetValue(answer.Key, out var other) || other?.Text == answer.Value?.Text));
            if (same.Runs is null)
            {
                bases.Add(([run], answers));
                continue;
            }
            same.Runs.Add(run);
            foreach (var (question, answer) in answers)
            {
                same.Answers.TryAdd(question, answer);
            }
        }
        return bases;
    }

    /// <summary>Question → answer of the model in a column.</summary>
    private static Dictionary<string, AnswerCell?> Lines(IEnumerable<AnswerGroup> groups, Func<AnswerGroup, int> column) =>
        groups.SelectMany(group => group.Lines.Select(line => (line.Question, Answer: line.Answers[column(group)])))
            .GroupBy(one => one.Question).ToDictionary(same => same.Key, same => same.First().Answer);
}

/// <param name="Scores">One for each run; null where it wasn't measured.</param>
public sealed record ComparedScore(string Name, bool LowerIsBetter, IReadOnlyList<ReportedScore?> Scores)
{
    /// <summary>Null where the runs don't differ.</summary>
    public double? Best => Scores.OfType<ReportedScore>().Select(score => score.Value).Distinct().ToList() is { Count: > 1 } values
        ? LowerIsBetter ? values.Min() : values.Max() : null;
}
