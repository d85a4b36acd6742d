using LoraAspire.DataBuild.Identity;
using LoraAspire.DataBuild.Records;

namespace LoraAspire.Grammar;

/// <summary>
/// Short English and Chinese instruction pairs over a closed vocabulary: enough of a world for a model of a few million parameters
/// to learn from nothing what following an instruction is. The same seed gives the same records.
/// </summary>
internal static class PairGrammar
{
    private static readonly string[] Abilities = ["answering questions", "simple sums", "translating short sentences"];
    private static readonly string[] AbilitiesInChinese = ["回答问题", "做简单的算术", "翻译短句"];

    /// <summary>What is asked, with how often it comes up relative to the others.</summary>
    private static readonly (Func<Draw, InstructionRecord> Make, int Weight)[] Topics =
    [
        (TalkTopics.Exchange, 5), (TalkTopics.Introduction, 2), (TalkTopics.Greet, 2), (TalkTopics.Say, 6), (TalkTopics.SayTimes, 2),
        (NumberTopics.Arithmetic, 14), (NumberTopics.Compare, 4), (NumberTopics.Counting, 5), (NumberTopics.Sorting, 3),
        (NumberTopics.Parity, 2), (NumberTopics.InWords, 2), (NumberTopics.Problem, 4),
        (WordTopics.Opposite, 5), (WordTopics.Plural, 3), (WordTopics.VerbForm, 2), (WordTopics.Letters, 4), (WordTopics.WordOrder, 4),
        (WordTopics.Kind, 6),
        (FactTopics.Colour, 4), (FactTopics.Calendar, 3), (FactTopics.Capital, 2), (FactTopics.Animal, 3), (FactTopics.AboutAnimal, 1),
        (SentenceTopics.Translate, 24), (SentenceTopics.TranslateWord, 6), (SentenceTopics.Reading, 5), (SentenceTopics.Write, 6),
        (SentenceTopics.Turn, 2),
    ];

    private const int IdentityWeight = 10;

    /// <summary>Without a developer it is this project, which the tiny base is made by.</summary>
    public static IEnumerable<InstructionRecord> Generate(int count, int seed, string name, string? developer = null)
    {
        IdentityBank english =
            new(new() { Name = name, Developer = developer ?? "the LoraAspire project", Abilities = Abilities }, InChinese: false);
        IdentityBank chinese =
            new(new() { Name = name, Developer = developer ?? "LoraAspire 项目", Abilities = AbilitiesInChinese }, InChinese: true);
        Draw draw = new(seed);
        var total = Topics.Sum(topic => topic.Weight) + IdentityWeight;
        for (var i = 0; i < count; i++)
        {
            var at = draw.Between(1, total) - IdentityWeight;
            if (at <= 0)
            {
                yield return (draw.Chance(0.5) ? english : chinese).Make(draw);
                continue;
            }
            var topic = 0;
            while ((at -= Topics[topic].Weight) > 0)
            {
                topic++;
            }
            yield return Topics[topic].Make(draw);
        }
    }
}
