using System.Text;
using LoraAspire.Model.Identity;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Evaluator.Asking;

/// <summary>Whether an answer about itself says who the model is to be, and no other.</summary>
internal sealed class IdentityTest(EvaluatedIdentity identity)
{
    /// <summary>Stands for the model's own words, which may be another model's name: no letter of any language.</summary>
    private const string Mark = "\uE000";

    private readonly string _name = Folded(identity.Name);
    private readonly string? _developer = identity.Developer is { } developer && developer.Trim().Length > 0 ? Folded(developer) : null;

    public IReadOnlyList<(SelfKind Kind, string Text)> Questions { get; } =
        [.. SelfQuestions.All.Where(question => question.Kind != SelfKind.Developer || identity.Developer?.Trim().Length > 0)];

    /// <summary>Null when it is right.</summary>
    public string? Wrong(SelfKind kind, string question, string answer)
    {
        var (asked, said) = (Folded(question), Folded(answer));
        if (said.Trim().Length == 0)
        {
            return "no answer";
        }
        if (Claims.In(Masked(asked), Masked(said)) is { } other)
        {
            return $"takes itself for {other}";
        }
        return kind == SelfKind.Name && !Holds(said, _name) ? "the name is missing"
            : kind == SelfKind.Developer && !Holds(said, _developer!) ? "the developer is missing" : null;
    }

    private string Masked(string text) => new[] { _name, _developer }.OfType<string>().OrderByDescending(words => words.Length)
        .Aggregate(text, (masked, words) => masked.Replace(words, Mark, StringComparison.OrdinalIgnoreCase));

    /// <summary>As a whole phrase: "Al" stands in no "also".</summary>
    private static bool Holds(string text, string phrase)
    {
        for (var at = text.IndexOf(phrase, StringComparison.OrdinalIgnoreCase); at >= 0;
            at = text.IndexOf(phrase, at + 1, StringComparison.OrdinalIgnoreCase))
        {
            var end = at + phrase.Length;
            if (!(at > 0 && Joined(text[at - 1], phrase[0])) && !(end < text.Length && Joined(phrase[^1], text[end])))
            {
                return true;
            }
        }
        return false;
    }

    private static bool Joined(char left, char right) => char.IsAsciiLetterOrDigit(left) && char.IsAsciiLetterOrDigit(right);

    /// <summary>One width, one kind of apostrophe.</summary>
    private static string Folded(string text) => string.Concat(text.EnumerateRunes().Select(rune => rune.ToString()))
        .Normalize(NormalizationForm.FormKC).Replace('’', '\'').Replace('‘', '\'');
}
