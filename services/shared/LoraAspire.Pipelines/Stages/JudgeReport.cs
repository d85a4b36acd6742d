using System.Text.Json.Serialization;

namespace LoraAspire.Pipelines.Stages;

/// <summary>What a chat model said of the answers.</summary>
/// <param name="Model">The judge's name.</param>
/// <param name="Models">The base where there is one, the model, the candidates: in this order.</param>
/// <param name="Questions">In the order asked; of each the answers in the order of <paramref name="Models"/>.</param>
public sealed record JudgeReport(string Model, IReadOnlyList<JudgedModel> Models, IReadOnlyList<JudgedQuestion> Questions)
{
    /// <summary>Verdicts asked for.</summary>
    public int Verdicts { get; init; }

    /// <summary>Of them, those that stood in the cache.</summary>
    public int Cached { get; init; }

    /// <summary>Of them, those that couldn't be read, however often they were asked for: they count nowhere.</summary>
    public int Unreadable { get; init; }

    internal bool Whole => Model is not null && AnswersReport.All(Models) && AnswersReport.All(Questions)
        && Questions.All(question => AnswersReport.All(question.Answers) && question.Answers.Count == Models.Count);
}

/// <param name="Rating">Mean of 1 to 5; null where none was asked for, or none could be read.</param>
public sealed record JudgedModel(string Name, double? Rating)
{
    /// <summary>Questions in which its answer beat the base's in both orders; 0 of the base.</summary>
    public int Wins { get; init; }

    /// <summary>Neither was better, or the judge changed its mind with the order.</summary>
    public int Ties { get; init; }

    public int Losses { get; init; }

    /// <summary>Of the ties, those in which the order decided.</summary>
    public int Undecided { get; init; }
}

public sealed record JudgedQuestion(string Question, IReadOnlyList<JudgedAnswer> Answers);

/// <param name="Rating">1 to 5; null where none was asked for, or it couldn't be read.</param>
public sealed record JudgedAnswer(string Answer, int? Rating = null)
{
    /// <summary>Why that rating.</summary>
    public string? Reason { get; init; }

    /// <summary>Against the base's answer; null of the base, where none was asked for, or where a verdict couldn't be read.</summary>
    public PairOutcome? Outcome { get; init; }

    /// <summary>Why that outcome, once for each order: this answer first, then the base's first.</summary>
    public IReadOnlyList<string> Reasons { get; init; } = [];
}

[JsonConverter(typeof(JsonStringEnumConverter<PairOutcome>))]
public enum PairOutcome { Loss, Tie, Win }
