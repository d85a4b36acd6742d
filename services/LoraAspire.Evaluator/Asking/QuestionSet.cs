using LoraAspire.Model.Generation;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Evaluator.Asking;

/// <summary>All that models are asked: plain questions, held-out ones, those about themselves, ordinary ones, in this order.</summary>
internal sealed class QuestionSet
{
    private QuestionSet(EvaluatorParams with) => Plain = with.Questions;

    public IReadOnlyList<string> Plain { get; }
    public IReadOnlyList<HeldOutRow> HeldOut { get; private init; } = [];
    public IdentityTest? Identity { get; private init; }
    public IReadOnlyList<HeldOutRow> Ordinary { get; private init; } = [];
    public required ChoiceQuestions Choices { get; init; }

    /// <summary>Held-out records that were left out, since training held them.</summary>
    public int AlsoTrained { get; private init; }

    public int HeldOutStart => Plain.Count;
    public int IdentityStart => HeldOutStart + HeldOut.Count;
    public int OrdinaryStart => IdentityStart + (Identity?.Questions.Count ?? 0);

    public IReadOnlyList<Question> Asked =>
    [
        .. Plain.Select(question => new Question(new Turn(question))),
        .. HeldOut.Select(row => row.Asked),
        .. (Identity?.Questions ?? []).Select(question => new Question(new Turn(question.Text))),
        .. Ordinary.Select(row => row.Asked),
    ];

    /// <exception cref="StageException">A file or a data set can't be read as what it is to be.</exception>
    public static QuestionSet Read(StageContext<EvaluatorParams> context)
    {
        var with = context.With;
        if (context.Inputs.ContainsKey("dataset") != (with.Split is not null))
        {
            throw new StageException(with.Split is not null ? "split takes rows of a data set: add the input dataset."
                : "The input dataset is given, and nothing says which of its rows are held out: add split: validation (a trainer's) or "
                    + "split: all.");
        }
        TrainedTexts trained = new();
        // All of its rows are read: only where there is something that they may hold.
        if ((with.Split is not null || with.HeldOut is not null) && context.Inputs.TryGetValue("trained_on", out var folder))
        {
            trained.Add(folder);
        }
        var choices = ChoiceQuestions.Read(context.Data, with);
        var heldOut = with.Split is not null ? DatasetRows.Read(context.Inputs["dataset"], with, trained)
            : with.HeldOut is null ? [] : FromFile(HeldOutFile.Read(context.Data, with.HeldOut), trained);
        return new(with)
        {
            HeldOut = heldOut,
            AlsoTrained = trained.Left,
            Identity = with.Identity is { } identity ? new(identity) : null,
            Ordinary = with.Ordinary ? [.. OrdinaryQuestions.All.Select(question => new HeldOutRow(question, null, []))] : [],
            Choices = choices,
        };
    }

    private static List<HeldOutRow> FromFile(IReadOnlyList<HeldOutRow> rows, TrainedTexts trained)
    {
        List<HeldOutRow> left = [.. rows.Where(row => !trained.Holds(row))];
        return left.Count > 0 ? left : throw new StageException(
            $"Training held all {rows.Count} records of held_out, with prompt and answer: nothing is left to be measured.");
    }
}
