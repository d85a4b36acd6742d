using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Evaluator.Judging;

/// <summary>A verdict to be asked for.</summary>
/// <param name="Row">The question's place.</param>
/// <param name="Answer">Which answer it is about, by the order of the models.</param>
/// <param name="OtherFirst">Of a pair: the base's answer stands first.</param>
internal sealed record Ask(int Row, int Answer, VerdictForm Form, string Task, bool OtherFirst = false)
{
    /// <summary>Null as long as there is none, or where it couldn't be read.</summary>
    public Verdict? Verdict { get; set; }
}

/// <summary>A question with the answers of all models.</summary>
/// <param name="Reference">A right answer, where one is known.</param>
/// <param name="Answers">Base, where there is one, model, candidates.</param>
internal sealed record JudgedRow(string Question, string? Reference, IReadOnlyList<string> Answers)
{
    public static JudgedRow Of(AnsweredQuestion row) => new(row.Question, null, All(row.Base, row.Model, row.Candidates));

    public static JudgedRow Of(ScoredAnswer row) => new(row.Question, row.Reference,
        All(row.Base, row.Model, row.Candidates?.Select(candidate => candidate.Answer)));

    /// <summary>
    /// A rating for each answer, and for each but the base's two comparisons with the base's. Answers that are the same aren't compared.
    /// </summary>
    /// <param name="at">Its place among the rows.</param>
    public IEnumerable<Ask> Asks(int at, JudgeParams with, bool hasBase)
    {
        for (var i = 0; i < Answers.Count; i++)
        {
            if (with.Rating)
            {
                yield return new(at, i, VerdictForm.Rating, Task(("Answer", Answers[i])));
            }
            if (with.Pairwise && hasBase && i > 0 && Answers[i] != Answers[0])
            {
                yield return new(at, i, VerdictForm.Pair, Task(("First answer", Answers[i]), ("Second answer", Answers[0])));
                yield return new(at, i, VerdictForm.Pair, Task(("First answer", Answers[0]), ("Second answer", Answers[i])),
                    OtherFirst: true);
            }
        }
    }

    private string Task(params (string Title, string Text)[] answers) => string.Join("\n\n",
        new[] { ("Question", (string?)Question), ("A right answer, to compare with", Reference) }
            .Concat(answers.Select(answer => (answer.Title, (string?)answer.Text))).Where(part => part.Item2 is not null)
            .Select(part => $"[{part.Item1}]\n{part.Item2}"));

    private static IReadOnlyList<string> All(string? before, string model, IEnumerable<string>? candidates) =>
        [.. before is null ? [] : new[] { before }, model, .. candidates ?? []];
}
