namespace LoraAspire.Lab.ResultPages;

/// <summary>Questions of one sort, with what each model answered.</summary>
/// <param name="Note">What these questions are for, in a few words.</param>
/// <param name="Models">Names of the columns; the first is what the others are compared with.</param>
public sealed record AnswerGroup(string Title, string Note, IReadOnlyList<string> Models, IReadOnlyList<AnswerLine> Lines)
{
    /// <summary>The lines are sorted by their score, the worst first.</summary>
    public bool FromWorst { get; init; }

    /// <summary>The column of the model that the run made; -1 for none.</summary>
    public int Tuned { get; init; } = -1;

    /// <returns>Null without rows.</returns>
    public static AnswerGroup? Of<T>(
        string title, string note, IReadOnlyList<string> candidates, IEnumerable<T> rows, Func<T, AnsweredBy> read)
    {
        var all = rows.Select(read).ToList();
        var (withBase, withCandidates) = (all.Exists(row => row.Base is not null), all.Exists(row => row.Candidates is not null));
        var models = ReportView.Columns(withBase, withCandidates ? candidates : []);
        return all.Count == 0 ? null : new(title, note, models, [.. all.Select(row =>
            new AnswerLine(row.Question, [.. withBase ? [row.Base] : Array.Empty<AnswerCell?>(), row.Model,
                .. withCandidates ? row.Candidates?.ToArray() ?? new AnswerCell?[candidates.Count] : []])
            { Reference = row.Reference })])
        { Tuned = withBase ? 1 : 0 };
    }
}

/// <summary>A question as a report has it.</summary>
/// <param name="Candidates">In the report's order; null where they weren't asked.</param>
public sealed record AnsweredBy(string Question, AnswerCell? Base, AnswerCell Model, IEnumerable<AnswerCell>? Candidates)
{
    public string? Reference { get; init; }
}

/// <param name="Answers">One for each model; null where it wasn't asked.</param>
public sealed record AnswerLine(string Question, IReadOnlyList<AnswerCell?> Answers)
{
    /// <summary>The right answer; null where there is none.</summary>
    public string? Reference { get; init; }
}

public enum Tone { Plain, Good, Bad }

/// <param name="Score">0 to 100; null where none was measured.</param>
public sealed record AnswerCell(string Text, double? Score = null)
{
    /// <summary>What was found of it, in words; null where nobody judged.</summary>
    public string? Verdict { get; init; }

    public Tone Tone { get; init; }

    /// <summary>Why.</summary>
    public IReadOnlyList<string> Reasons { get; init; } = [];
}
