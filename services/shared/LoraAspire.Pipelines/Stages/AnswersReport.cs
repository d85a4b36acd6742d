using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace LoraAspire.Pipelines.Stages;

/// <summary>
/// report.json of an evaluator: what a model answers, what its base answered, and how good that is. Microsoft.Extensions.AI.Evaluation has
/// a shape for results too; its metrics are of one response of a chat client and may be changed, where these are of a corpus, with a
/// signature, an interval and the base's value, and must be written the same each time. Names of fields follow it where they mean the same.
/// </summary>
public sealed record AnswersReport(IReadOnlyList<AnsweredQuestion> Questions)
{
    public const string FileName = "report.json";

    /// <summary>
    /// The models asked beside base and model, by their names, of a folder of checkpoints one for each. Every list of what candidates
    /// said or scored is in this order, and null where there are none.
    /// </summary>
    public IReadOnlyList<string> Candidates { get; init; } = [];

    /// <summary>In the order measured.</summary>
    public IReadOnlyList<ReportedScore> Scores { get; init; } = [];

    /// <summary>The held-out records and their answers.</summary>
    public IReadOnlyList<ScoredAnswer> HeldOut { get; init; } = [];

    /// <summary>Questions to the model about itself.</summary>
    public IReadOnlyList<IdentityAnswer> Identity { get; init; } = [];

    /// <summary>Ordinary questions; the reference is the base's answer.</summary>
    public IReadOnlyList<ScoredAnswer> Ordinary { get; init; } = [];

    /// <summary>Multiple choice by subject, in the order met.</summary>
    public IReadOnlyList<SubjectScore> Subjects { get; init; } = [];

    /// <summary>What another model said of the answers; null where none was asked.</summary>
    public JudgeReport? Judge { get; init; }

    /// <summary>Held-out records or rows that were left out, since training held the same prompt and answer.</summary>
    public int AlsoTrained { get; init; }

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>Nothing of it is null that can't be, and lists of candidates are as long as there are candidates.</summary>
    private bool Whole => All(Candidates) && All(Scores) && All(HeldOut) && All(Identity) && All(Ordinary) && All(Subjects)
        && Judge is null or { Whole: true }
        && Scores.All(one => Fits(one.Candidates)) && HeldOut.Concat(Ordinary).All(one => Fits(one.Candidates))
        && Identity.All(one => Fits(one.Candidates)) && Questions.All(one => Fits(one.Candidates));

    internal static bool All<T>(IReadOnlyList<T>? list) where T : class => list?.Contains(null!) is false;

    private bool Fits<T>(IReadOnlyList<T>? list) where T : class => list is null || (All(list) && list.Count == Candidates.Count);

    public void Save(string folder) => File.WriteAllText(Path.Combine(folder, FileName), JsonSerializer.Serialize(this, s_json) + "\n");

    /// <exception cref="IOException">There is no such file, or it isn't what an evaluator writes.</exception>
    public static AnswersReport Load(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            return JsonSerializer.Deserialize<AnswersReport>(File.ReadAllBytes(path), s_json) is { Questions: { } questions } report
                && !questions.Contains(null!) && report.Whole
                ? report : throw new IOException($"{path} holds no questions.");
        }
        catch (JsonException error)
        {
            throw new IOException($"{path} can't be read: {error.Message}", error);
        }
    }
}

/// <param name="Base">The base's answer; null when no base was asked.</param>
public sealed record AnsweredQuestion(string Question, string? Base, string Model)
{
    public IReadOnlyList<string>? Candidates { get; init; }
}

/// <param name="Name">bleu, chrf, perplexity, identity …</param>
/// <param name="Value">The model's.</param>
/// <param name="Base">The base's; null where it wasn't measured.</param>
/// <param name="LowerIsBetter">As for edit rate and perplexity.</param>
public sealed record ReportedScore(string Name, double Value, double? Base = null, bool LowerIsBetter = false)
{
    /// <summary>As sacrebleu prints it, where it has the score.</summary>
    public string? Text { get; init; }

    /// <summary>What must be equal for two numbers to be compared.</summary>
    public string? Signature { get; init; }

    /// <summary>Half of the interval that 95 % of resampled corpora lie in.</summary>
    public double? HalfWidth { get; init; }

    /// <summary>How likely a difference to the base as large is chance (paired bootstrap).</summary>
    public double? P { get; init; }

    /// <summary>What the pipeline asks for; null where it asks nothing.</summary>
    public double? Required { get; init; }

    /// <summary>Whether the model's value is as required; true where nothing is.</summary>
    [JsonIgnore]
    public bool Met => Required is not { } limit || (LowerIsBetter ? Value <= limit : Value >= limit);

    public IReadOnlyList<CandidateScore>? Candidates { get; init; }
}

/// <param name="P">How likely a difference to the base as large is chance; null where there is no base, or nothing to resample.</param>
/// <param name="ModelP">The same of the difference to the model.</param>
public sealed record CandidateScore(double Value, double? HalfWidth = null, double? P = null, double? ModelP = null);

/// <param name="Reference">The first right answer.</param>
/// <param name="Chrf">Of the model's answer, 0 to 100.</param>
/// <param name="BaseChrf">Of the base's.</param>
public sealed record ScoredAnswer(string Question, string Reference, string? Base, string Model, double Chrf, double? BaseChrf)
{
    public IReadOnlyList<CandidateAnswer>? Candidates { get; init; }
}

/// <param name="Chrf">Of this answer, 0 to 100.</param>
public sealed record CandidateAnswer(string Answer, double Chrf);

/// <param name="Wrong">What is wrong with the answer; null when it is right.</param>
public sealed record IdentityAnswer(string Question, string Answer, string? Wrong)
{
    public IReadOnlyList<CandidateIdentity>? Candidates { get; init; }
}

/// <inheritdoc cref="IdentityAnswer"/>
public sealed record CandidateIdentity(string Answer, string? Wrong);

/// <summary>Percent of right letters in one subject.</summary>
/// <param name="Value">The model's.</param>
/// <param name="Base">The base's; null where there is none.</param>
public sealed record SubjectScore(string Subject, int Questions, double Value, double? Base)
{
    public IReadOnlyList<double>? Candidates { get; init; }
}
