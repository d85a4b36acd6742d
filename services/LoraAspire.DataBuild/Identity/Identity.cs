using LoraAspire.DataBuild.Records;

namespace LoraAspire.DataBuild.Identity;

/// <summary>Who a model says it is, in one language.</summary>
/// <param name="Abilities">May be empty; then nothing is asked about them.</param>
/// <param name="Languages">Likewise.</param>
internal sealed record Identity(string Name, string Developer, IReadOnlyList<string> Abilities, IReadOnlyList<string> Languages, bool InChinese)
{
    private IdentityTopic[] Topics =>
        [.. (InChinese ? IdentityQuestions.Chinese : IdentityQuestions.English)
            .Where(topic => (Others.Length > 0 || !topic.NeedsOthers) && (Abilities.Count > 0 || !topic.NeedsAbilities) && (Languages.Count > 0 || !topic.NeedsLanguages))];

    private string[] Others => [.. (InChinese ? IdentityQuestions.OthersInChinese : IdentityQuestions.Others)
        // "Are you Llama?" has no plain no from a model called Llama-Chat.
        .Where(other => !Name.Contains(other, StringComparison.OrdinalIgnoreCase) && !other.Contains(Name, StringComparison.OrdinalIgnoreCase))];

    /// <summary>Every question, as written and as typed in haste, with every answer that fits. Which other assistant is meant goes round.</summary>
    public IEnumerable<InstructionRecord> All()
    {
        var turn = 0;
        foreach (var topic in Topics)
        {
            foreach (var (question, answer) in topic.Questions.SelectMany(question => topic.Answers.Select(answer => (question, answer))))
            {
                var other = Others.Length == 0 ? "" : Others[turn++ % Others.Length];
                yield return new(Fill(question, other), "", Fill(answer, other));
                yield return new(InHaste(Fill(question, other)), "", Fill(answer, other));
            }
        }
    }

    public InstructionRecord Make(Draw draw)
    {
        var topic = draw.Pick(Topics);
        var other = Others.Length == 0 ? "" : draw.Pick(Others);
        var question = Fill(draw.Pick(topic.Questions), other);
        return new(draw.Chance(0.3) ? InHaste(question) : question, "", Fill(draw.Pick(topic.Answers), other));
    }

    private string Fill(string text, string other)
    {
        var developer = !InChinese && text.StartsWith("{developer}", StringComparison.Ordinal) ? char.ToUpperInvariant(Developer[0]) + Developer[1..] : Developer;
        return text.Replace("{name}", Name).Replace("{developer}", developer).Replace("{other}", other)
            .Replace("{abilities}", List(Abilities)).Replace("{languages}", List(Languages));
    }

    private string List(IEnumerable<string> items) => string.Join(InChinese ? "、" : ", ", items);

    /// <summary>Without the closing mark, and without capitals other than those of names.</summary>
    private string InHaste(string question)
    {
        var bare = question.TrimEnd('?', '.', '？', '。', '!', '！');
        return bare.StartsWith("I ", StringComparison.Ordinal) || bare.StartsWith(Name, StringComparison.Ordinal) ? bare : char.ToLowerInvariant(bare[0]) + bare[1..];
    }
}
