using System.Text;
using LoraAspire.Model.Identity;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Evaluator.Asking;

/// <summary>Whether an answer about itself says who the model is to be, and no other.</summary>
internal sealed class IdentityTest(EvaluatedIdentity identity)
{
    private readonly GivenWords _given = new(Composed(identity.Name), Composed(identity.Developer?.Trim() ?? ""));

    public IReadOnlyList<(SelfKind Kind, string Text)> Questions { get; } =
        [.. SelfQuestions.All.Where(question => question.Kind != SelfKind.Developer || identity.Developer?.Trim().Length > 0)];

    /// <summary>Null when it is right.</summary>
    public string? Wrong(SelfKind kind, string question, string answer)
    {
        var (asked, said) = (GivenWords.Folded(Composed(question)), GivenWords.Folded(Composed(answer)));
        if (said.Trim().Length == 0)
        {
            return "no answer";
        }
        if (Claims.In(_given.Masked(asked), _given.Masked(said)) is { } other)
        {
            return $"takes itself for {other}";
        }
        return kind == SelfKind.Name && !_given.Name(said) ? "the name is missing"
            : kind == SelfKind.Developer && !_given.Developer(said) ? "the developer is missing" : null;
    }

    /// <summary>One letter for what Unicode takes for the same, such as one with its accent; half a letter becomes a mark.</summary>
    private static string Composed(string text) =>
        string.Concat(text.EnumerateRunes().Select(rune => rune.ToString())).Normalize(NormalizationForm.FormKC);
}
