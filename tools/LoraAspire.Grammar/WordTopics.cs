using LoraAspire.DataBuild.Records;

namespace LoraAspire.Grammar;

/// <summary>Words: opposites, plurals, tenses, spelling, order, and which kind a thing is of.</summary>
internal static class WordTopics
{
    public static InstructionRecord Opposite(Draw draw)
    {
        var pair = draw.Pick(Lexicon.Opposites);
        var turned = draw.Chance(0.5);
        var (en, enOther) = turned ? (pair.EnOther, pair.En) : (pair.En, pair.EnOther);
        var (zh, zhOther) = turned ? (pair.ZhOther, pair.Zh) : (pair.Zh, pair.ZhOther);
        return draw.Chance(0.55)
            ? draw.Ask(["What is the opposite of {0}?", "Give the opposite of {0}.", "The opposite of {0} is what?",
                "Name the opposite of the word.|{0}", "Write the opposite.|{0}", "Tell me the opposite of \"{0}\"."],
                $"The opposite of {en} is {enOther}.", en)
            : draw.Ask(["{0}的反义词是什么？", "“{0}”的反义词是什么？", "写出反义词。|{0}", "和{0}相反的词是什么？", "请给出“{0}”的反义词。"], $"{zh}的反义词是{zhOther}。", zh);
    }

    public static InstructionRecord Plural(Draw draw)
    {
        var noun = draw.Pick(Lexicon.AllNouns);
        return draw.Chance(0.7)
            ? draw.Ask(["What is the plural of {0}?", "Write the plural of {0}.", "Give the plural.|{0}", "Make this word plural: {0}"],
                $"The plural of {noun.En} is {noun.Plural}.", noun.En)
            : draw.Ask(["What is the singular of {0}?", "Give the singular.|{0}"], $"The singular of {noun.Plural} is {noun.En}.",
                noun.Plural);
    }

    public static InstructionRecord VerbForm(Draw draw)
    {
        var verb = draw.Pick(Lexicon.Verbs);
        var degree = draw.Pick(Lexicon.Degrees);
        return draw.Between(0, 3) switch
        {
            0 => draw.Ask(["What is the past tense of {0}?", "Write the past tense of {0}.", "Give the past tense.|{0}"],
                $"The past tense of {verb[0]} is {verb[1]}.", verb[0]),
            1 => draw.Ask(["What is the -ing form of {0}?", "Write the -ing form.|{0}"], $"The -ing form of {verb[0]} is {verb[2]}.",
                verb[0]),
            2 => draw.Ask(["What is the comparative of {0}?", "Give the comparative.|{0}"],
                $"The comparative of {degree[0]} is {degree[1]}.", degree[0]),
            _ => draw.Ask(["What is the superlative of {0}?", "Give the superlative.|{0}"],
                $"The superlative of {degree[0]} is {degree[2]}.", degree[0]),
        };
    }

    public static InstructionRecord Letters(Draw draw)
    {
        var word = draw.Chance(0.8) ? draw.Pick(Lexicon.AllNouns).En : draw.Pick(Lexicon.Colours).En;
        return draw.Between(0, 5) switch
        {
            0 or 1 => draw.Ask(["Spell the word {0}.", "How do you spell {0}?", "Spell it.|{0}", "Spell {0}."],
                string.Join('-', word.ToCharArray()), word),
            2 => draw.Ask(["What is the first letter of {0}?", "Which letter does {0} begin with?"],
                $"The first letter of {word} is {word[0]}.", word),
            3 => draw.Ask(["What is the last letter of {0}?"], $"The last letter of {word} is {word[^1]}.", word),
            4 => draw.Ask(["How many letters are in {0}?", "How many letters does the word {0} have?"],
                $"The word {word} has {word.Length} letters.", word),
            _ => draw.Ask(["Write {0} in capital letters.", "Write in capital letters.|{0}", "Make it upper case: {0}"],
                word.ToUpperInvariant(), word),
        };
    }

    public static InstructionRecord WordOrder(Draw draw)
    {
        var words = draw.Some(Lexicon.Countable, draw.Between(2, 4));
        var english = words.Select(word => word.En).ToList();
        var chinese = words.Select(word => word.Zh).ToList();
        return draw.Between(0, 5) switch
        {
            0 => draw.Ask(["Reverse the order of the words.|{0}", "Write these words backwards.|{0}", "Reverse the words: {0}"],
                string.Join(' ', Enumerable.Reverse(english)), string.Join(' ', english)),
            1 => draw.Ask(["What is the first word?|{0}", "Give me the first word.|{0}"], english[0], string.Join(' ', english)),
            2 => draw.Ask(["What is the last word?|{0}", "Give me the last word.|{0}"], english[^1], string.Join(' ', english)),
            3 => draw.Ask(["How many words are there?|{0}", "Count the words.|{0}"], $"There are {english.Count} words.",
                string.Join(' ', english)),
            4 => draw.Ask(["Sort the words by the alphabet.|{0}", "Put these words in alphabetical order.|{0}"],
                string.Join(", ", english.Order(StringComparer.Ordinal)), string.Join(", ", english)),
            _ => draw.Ask(["把这些词倒过来排列。|{0}", "倒着写出这些词。|{0}"], string.Join(' ', Enumerable.Reverse(chinese)), string.Join(' ', chinese)),
        };
    }

    public static InstructionRecord Kind(Draw draw)
    {
        var kind = draw.Pick(Lexicon.Kinds);
        var other = draw.Pick([.. Lexicon.Kinds.Where(k => k.Name != kind.Name)]);
        var member = draw.Pick(kind.Members);
        var some = draw.Some(kind.Members, draw.Between(2, 3));
        switch (draw.Between(0, 7))
        {
            case 0:
                return draw.Ask(["Name {0}.", "Give me the name of {0}.", "Give an example of {0}.", "Tell me {0}."],
                Forms.Capital(member.WithArticle) + ".", Article(kind.Name.En));
            case 1:
                return draw.Ask(["Name {1} {0}.", "List {1} {0}.", "Give me {1} {0}.", "Write down {1} {0}."],
                Forms.Capital(Forms.And([.. some.Select(x => x.En)])) + ".", kind.Plural, Lexicon.Numbers[some.Count]);
            case 2:
                return draw.Ask(["说出{1}种{0}。", "列出{1}种{0}。", "请写出{1}种{0}。"], string.Join("、", some.Select(x => x.Zh)) + "。",
                kind.Name.Zh, Lexicon.CountInChinese(some.Count));
            case 3:
                return draw.Ask(["Is {0} {1}?"], $"Yes, {member.WithArticle} is {Article(kind.Name.En)}.", member.WithArticle,
                Article(kind.Name.En));
            case 4:
                return draw.Ask(["Is {0} {1}?"], $"No, {member.WithArticle} is {Article(kind.Name.En)}.", member.WithArticle,
                Article(other.Name.En));
            case 5:
                return draw.Ask(["{0}是{1}吗？"], draw.Chance(0.5) is var yes && yes ? $"是的，{member.Zh}是{kind.Name.Zh}。"
                : $"不是，{member.Zh}是{kind.Name.Zh}。", member.Zh, yes ? kind.Name.Zh : other.Name.Zh);
            case 6:
                return draw.Ask(["What kind of thing is {0}?", "What is {0}?", "Classify the word.|{1}"],
                $"{Forms.Capital(member.WithArticle)} is {Article(kind.Name.En)}.", member.WithArticle, member.En);
            default:
                var odd = draw.Pick(other.Members);
                var items = draw.Some([.. some.Select(x => x.En), odd.En], 4);
                return draw.Ask(["Which word does not belong?|{0}", "Find the odd one out.|{0}", "Identify the odd one out: {0}"],
                    $"{Forms.Capital(odd.En)}. It is not {Article(kind.Name.En)}.", string.Join(", ", items));
        }
    }

    private static string Article(string noun) => ("aeiou".Contains(noun[0]) ? "an " : "a ") + noun;
}
