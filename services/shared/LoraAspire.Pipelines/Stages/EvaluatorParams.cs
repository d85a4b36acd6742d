using System.ComponentModel.DataAnnotations;

namespace LoraAspire.Pipelines.Stages;

/// <summary>
/// Asks a model, its base and others the same questions, scores the answers, and fails when they aren't good enough.
/// </summary>
public sealed record EvaluatorParams : StageParams
{
    /// <summary>What <see cref="Tokenize"/> may be.</summary>
    public static IReadOnlyList<string> Tokenizers { get; } = ["13a", "zh", "intl", "char", "none"];

    /// <summary>Answered side by side, without a score.</summary>
    public IReadOnlyList<string> Questions { get; init; } = [];

    /// <summary>A .jsonl or .json file under the data root: records that training didn't hold, with their right answers.</summary>
    public string? HeldOut { get; init; }

    /// <summary>Rows of the input dataset, in place of <see cref="HeldOut"/>; null takes none.</summary>
    public RowsOf? Split { get; init; }

    /// <summary>Of <see cref="RowsOf.Validation"/>: the trainer's, as its <see cref="Seed"/> is.</summary>
    [Range(0.0, int.MaxValue)]
    public double? ValSetSize { get; init; }

    /// <summary>Of <see cref="RowsOf.Validation"/>: the trainer's.</summary>
    [Range(int.MinValue, int.MaxValue)]
    public int Seed { get; init; } = 42;

    /// <summary>.csv, .jsonl or .json files under the data root: questions with choices, by letter.</summary>
    public IReadOnlyList<string> MultipleChoice { get; init; } = [];

    /// <summary>Such files with examples, of which each question gets the first <see cref="Shots"/> of its subject.</summary>
    public IReadOnlyList<string> Dev { get; init; } = [];

    /// <summary>Examples that stand before each question of <see cref="MultipleChoice"/>.</summary>
    [Range(0, 100)]
    public int Shots { get; init; }

    /// <summary>How BLEU cuts texts into words, by sacrebleu's names.</summary>
    public string Tokenize { get; init; } = "13a";

    /// <summary>Who the model is to be; null leaves the identity test out.</summary>
    public EvaluatedIdentity? Identity { get; init; }

    /// <summary>Ordinary questions too, with the base's answers as references: what did training make it forget?</summary>
    public bool Ordinary { get; init; }

    /// <summary>A chat model that says how good the answers are; null asks none.</summary>
    public JudgeParams? Judge { get; init; }

    /// <summary>What the scores must reach; the run fails below.</summary>
    public ScoreRequirements? Require { get; init; }

    /// <summary>The longest answer.</summary>
    [Range(1, 1_048_576)]
    public int MaxNewTokens { get; init; } = 128;
    /// <summary>What computes; auto takes a GPU where libtorch sees one.</summary>
    public Device Device { get; init; } = Device.Auto;

    public override IEnumerable<string> DataFiles() => [.. HeldOut is null ? [] : new[] { HeldOut }, .. MultipleChoice, .. Dev];

    /// <summary>More requests, or another place for the key, judge the same answers.</summary>
    public override IEnumerable<string> PolicyKeys() => ["judge.max_requests", "judge.api_key_env"];

    private bool HasHeldOut => HeldOut is not null || Split is not null;

    public override IEnumerable<(string Key, string Problem)> Validate()
    {
        if (Questions.Count == 0 && !HasHeldOut && MultipleChoice.Count == 0 && Identity is null && !Ordinary)
        {
            yield return ("questions",
                "needs at least one question, or name held_out, split, multiple_choice, identity or ordinary: nothing is evaluated");
        }
        if (HeldOut is not null && Split is not null)
        {
            yield return ("split", "takes held-out records from a data set, and held_out from a file: keep one");
        }
        if (ValidationRows.Problem(ValSetSize) is { } size)
        {
            yield return ("val_set_size", size);
        }
        if (ValSetSize is not null && Split != RowsOf.Validation)
        {
            yield return ("val_set_size", "says which rows split: validation takes: add that, or remove it");
        }
        if (Shots > 0 && Dev.Count == 0)
        {
            yield return ("shots", "takes examples from files: name them by dev");
        }
        if (Judge?.Problem() is { } wrong)
        {
            yield return ("judge", wrong);
        }
        if (Judge is { Pairwise: false, Rating: false })
        {
            yield return ("judge", "is asked nothing: pairwise and rating are false");
        }
        if (Judge is not null && Questions.Count == 0 && !HasHeldOut)
        {
            yield return ("judge", "judges answers to questions, held_out or split: add one of them");
        }
        if (!Tokenizers.Contains(Tokenize))
        {
            yield return ("tokenize", $"knows {string.Join(", ", Tokenizers)}, not '{Tokenize}'");
        }
        if (Identity?.Name.Trim().Length == 0)
        {
            yield return ("identity", "needs a name");
        }
        foreach (var asked in Require?.Asked() ?? [])
        {
            if ((asked.Needs == nameof(HeldOut) && !HasHeldOut) || (asked.Needs == nameof(Identity) && Identity is null)
                || (asked.Needs == nameof(Ordinary) && !Ordinary) || (asked.Needs == nameof(MultipleChoice) && MultipleChoice.Count == 0)
                || (asked.Needs == nameof(Judge) && Judge is null))
            {
                yield return ("require", $"{asked.Score} is measured on {Key(asked.Needs)}: add it, or remove {asked.Score}");
            }
        }
    }

    private static string Key(string property) => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(property);
}

/// <summary>Which rows of a data set are held out: those that a trainer with the same numbers validates on, or all.</summary>
public enum RowsOf { Validation, All }

/// <param name="Name">Every answer about itself may say it, and those to who it is must.</param>
public sealed record EvaluatedIdentity
{
    /// <summary>The name that it is to say.</summary>
    public required string Name { get; init; }

    /// <summary>Null asks nothing about who made it.</summary>
    public string? Developer { get; init; }
}

/// <summary>Least scores, or greatest where less is better; null asks nothing.</summary>
public sealed record ScoreRequirements
{
    /// <summary>BLEU of held-out records, 0 to 100: at least.</summary>
    [Range(0.0, 100)]
    public double? Bleu { get; init; }
    /// <summary>chrF of held-out records, 0 to 100: at least.</summary>
    [Range(0.0, 100)]
    public double? Chrf { get; init; }
    /// <summary>ROUGE-L of held-out records, 0 to 100: at least.</summary>
    [Range(0.0, 100)]
    public double? RougeL { get; init; }
    /// <summary>Percent of answers that are equal to a reference: at least.</summary>
    [Range(0.0, 100)]
    public double? ExactMatch { get; init; }
    /// <summary>Words that answer and reference share, 0 to 100: at least.</summary>
    [Range(0.0, 100)]
    public double? F1 { get; init; }
    /// <summary>Percent of right labels: at least.</summary>
    [Range(0.0, 100)]
    public double? Accuracy { get; init; }

    /// <summary>Percent of letters that are right.</summary>
    [Range(0.0, 100)]
    public double? MultipleChoice { get; init; }

    /// <summary>Translation error rate of held-out records: at most.</summary>
    [Range(0.0, 1e9)]
    public double? Ter { get; init; }

    /// <summary>Perplexity of held-out references: at most.</summary>
    [Range(1.0, 1e9)]
    public double? Perplexity { get; init; }

    /// <summary>The tuned model's perplexity over the base's: at most.</summary>
    [Range(0.0, 1e9)]
    public double? PerplexityIncrease { get; init; }

    /// <summary>Share of answers about itself that are right, from 0 to 1.</summary>
    [Range(0.0, 1)]
    public double? Identity { get; init; }

    /// <summary>chrF of ordinary answers against the base's.</summary>
    [Range(0.0, 100)]
    public double? OrdinaryChrf { get; init; }

    /// <summary>Share of questions, from 0 to 1, in which the judge prefers the model to its base; a tie is half of one.</summary>
    [Range(0.0, 1)]
    public double? JudgeWinRate { get; init; }

    /// <summary>The judge's mean rating.</summary>
    [Range(1.0, 5)]
    public double? JudgeRating { get; init; }

    /// <summary>What is asked for.</summary>
    public IEnumerable<RequiredScore> Asked() =>
        new (string Score, double? Limit, bool AtMost, string Needs)[]
        {
            ("bleu", Bleu, false, nameof(EvaluatorParams.HeldOut)),
            ("chrf", Chrf, false, nameof(EvaluatorParams.HeldOut)),
            ("rouge_l", RougeL, false, nameof(EvaluatorParams.HeldOut)),
            ("exact_match", ExactMatch, false, nameof(EvaluatorParams.HeldOut)),
            ("f1", F1, false, nameof(EvaluatorParams.HeldOut)),
            ("accuracy", Accuracy, false, nameof(EvaluatorParams.HeldOut)),
            ("multiple_choice", MultipleChoice, false, nameof(EvaluatorParams.MultipleChoice)),
            ("ter", Ter, true, nameof(EvaluatorParams.HeldOut)),
            ("perplexity", Perplexity, true, nameof(EvaluatorParams.HeldOut)),
            ("perplexity_increase", PerplexityIncrease, true, nameof(EvaluatorParams.HeldOut)),
            ("identity", Identity, false, nameof(EvaluatorParams.Identity)),
            ("ordinary_chrf", OrdinaryChrf, false, nameof(EvaluatorParams.Ordinary)),
            ("judge_win_rate", JudgeWinRate, false, nameof(EvaluatorParams.Judge)),
            ("judge_rating", JudgeRating, false, nameof(EvaluatorParams.Judge)),
        }.Where(one => one.Limit is not null).Select(one => new RequiredScore(one.Score, one.Limit!.Value, one.AtMost, one.Needs));
}

/// <param name="Needs">The parameter that it is measured with.</param>
public sealed record RequiredScore(string Score, double Limit, bool AtMost, string Needs)
{
    public bool Met(double value) => AtMost ? value <= Limit : value >= Limit;
}
