using LoraAspire.DataBuild.Records;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.DataBuild.Identity;

/// <summary>
/// Our own questions and answers about who a model is, in one language. Of abilities and languages that aren't given nothing is asked.
/// </summary>
internal sealed record IdentityBank(SelfCognitionSource Self, bool InChinese)
{
    private IdentityTopic[] Topics =>
        [.. (InChinese ? IdentityQuestions.Chinese : IdentityQuestions.English)
            .Where(topic => (Others.Length > 0 || !topic.NeedsOthers)
                && (Self.Abilities.Count > 0 || !topic.NeedsAbilities) && (Self.Languages.Count > 0 || !topic.NeedsLanguages))];

    private string[] Others => [.. (InChinese ? IdentityQuestions.OthersInChinese : IdentityQuestions.Others)
        // "Are you Llama?" has no plain no from a model called Llama-Chat.
        .Where(other => !Self.Name.Contains(other, StringComparison.OrdinalIgnoreCase)
            && !other.Contains(Self.Name, StringComparison.OrdinalIgnoreCase))];

    /// <summary>
    /// Every question, as written and as typed in haste, with every answer that fits. Which other assistant is meant goes round.
    /// </summary>
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
        var begins = !InChinese && text.StartsWith("{developer}", StringComparison.Ordinal);
        var developer = begins ? Placeholders.Capital(Self.Developer) : Self.Developer;
        return text.Replace("{name}", Self.Name).Replace("{developer}", developer).Replace("{other}", other)
            .Replace("{abilities}", List(Self.Abilities)).Replace("{languages}", List(Self.Languages));
    }

    private string List(IEnumerable<string> items) => string.Join(InChinese ? "、" : ", ", items);

    /// <summary>Without the closing mark, and without capitals other than those of names.</summary>
    private string InHaste(string question)
    {
        var bare = question.TrimEnd('?', '.', '？', '。', '!', '！');
        return bare.StartsWith("I ", StringComparison.Ordinal) || bare.StartsWith(Self.Name, StringComparison.Ordinal) ? bare
            : char.ToLowerInvariant(bare[0]) + bare[1..];
    }
}
