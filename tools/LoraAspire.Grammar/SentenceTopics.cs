using LoraAspire.DataBuild.Records;

namespace LoraAspire.Grammar;

/// <summary>Translation, reading, and writing a sentence or a tiny story.</summary>
internal static class SentenceTopics
{
    private static readonly string[] ToChinese =
    [
        "Translate this sentence into Chinese.|{0}", "Translate into Chinese: {0}", "Translate to Chinese: {0}",
        "How do you say this in Chinese?|{0}", "Translate the following sentence from English to Chinese.|{0}",
        "Provide the Chinese translation.|{0}", "Say this in Chinese: {0}", "把下面的句子翻译成中文。|{0}", "把这句话翻译成中文：{0}", "翻译成中文：{0}", "请翻译成中文。|{0}",
        "Translate English to Chinese: {0}",
    ];

    private static readonly string[] ToEnglish =
    [
        "Translate this sentence into English.|{0}", "Translate into English: {0}", "Translate to English: {0}",
        "How do you say this in English?|{0}", "Translate the following sentence from Chinese to English.|{0}",
        "Provide the English translation.|{0}", "Say this in English: {0}", "把下面的句子翻译成英文。|{0}", "把这句话翻译成英语：{0}", "翻译成英文：{0}", "请翻译成英语。|{0}",
        "Translate Chinese to English: {0}",
    ];

    public static InstructionRecord Translate(Draw draw)
    {
        var sentence = Sentences.Make(draw);
        return draw.Chance(0.5) ? draw.Ask(ToChinese, sentence.Zh, sentence.En) : draw.Ask(ToEnglish, sentence.En, sentence.Zh);
    }

    public static InstructionRecord TranslateWord(Draw draw)
    {
        Pair word = draw.Between(0, 3) switch
        {
            0 or 1 => draw.Pick(Lexicon.AllNouns) is var noun ? new(noun.En, noun.Zh) : null!,
            2 => draw.Pick(
                [.. Lexicon.Colours, .. Lexicon.Foods, .. Lexicon.Feelings, .. Lexicon.Days, .. Lexicon.Months, .. Lexicon.Seasons]),
            _ => draw.Pick(Lexicon.Actions) is var action ? new(action.En, action.Zh) : null!,
        };
        return draw.Chance(0.5)
            ? draw.Ask(["What is {0} in Chinese?", "How do you say {0} in Chinese?", "Translate the word {0} into Chinese.",
                "Translate into Chinese.|{0}", "{0}用中文怎么说？", "“{0}”的中文是什么？"], word.Zh, word.En)
            : draw.Ask(["What is {0} in English?", "How do you say {0} in English?", "Translate the word {0} into English.",
                "Translate into English.|{0}", "{0}用英语怎么说？", "“{0}”的英文是什么？"], word.En, word.Zh);
    }

    public static InstructionRecord Reading(Draw draw)
    {
        var (who, thing, room, action, food) = (draw.Pick(Lexicon.Named), draw.Pick(Lexicon.Movable), draw.Pick(Lexicon.Places),
            draw.Pick(Lexicon.Actions), draw.Pick(Lexicon.Foods));
        var (colour, job) = (draw.Pick(Lexicon.Colours), draw.Pick(Lexicon.Jobs));
        return draw.Between(0, 7) switch
        {
            0 => draw.Ask(["Where is {0}?|{0} is in the {1}.", "{0} is in the {1}. Where is {0}?"], $"{who.En} is in the {room.En}.",
                who.En, room.En),
            1 => draw.Ask(["What does {0} like?|{0} likes {1}.", "{0} likes {1}. What does {0} like?"], $"{who.En} likes {food.En}.",
                who.En, food.En),
            2 => draw.Ask(["What colour is the {0}?|The {0} is {1}.", "The {0} is {1}. What colour is the {0}?"],
                $"The {thing.En} is {colour.En}.", thing.En, colour.En),
            3 => draw.Ask(["Who is in the {1}?|{0} is in the {1}.", "{0} is in the {1}. Who is in the {1}?"],
                $"{who.En} is in the {room.En}.", who.En, room.En),
            4 => draw.Ask(["What does {0} want to do?|{0} wants to {1}.", "{0} wants to {1}. What does {0} want to do?"],
                $"{who.En} wants to {action.En}.", who.En, action.En),
            5 => draw.Ask(["{0}在哪里？|{0}在{1}里。", "{0}在{1}里。{0}在哪里？"], $"{who.Zh}在{room.Zh}里。", who.Zh, room.Zh),
            6 => draw.Ask(["{0}喜欢什么？|{0}喜欢{1}。", "{0}喜欢{1}。{0}喜欢什么？"], $"{who.Zh}喜欢{food.Zh}。", who.Zh, food.Zh),
            _ => draw.Ask(["What is the job of {0}?|{0} is {1}.", "{0} is {1}. What is the job of {0}?"], $"{who.En} is {job.WithArticle}.",
                who.En, job.WithArticle),
        };
    }

    public static InstructionRecord Write(Draw draw)
    {
        var (noun, room, colour, feeling) = (draw.Pick(Lexicon.Animals), draw.Pick(Lexicon.Places), draw.Pick(Lexicon.Colours),
            draw.Pick(Lexicon.Feelings.Take(8).ToArray()));
        var thing = draw.Pick([.. Lexicon.Things, .. Lexicon.Vehicles]);
        return draw.Between(0, 5) switch
        {
            0 or 1 => draw.Ask(["Write a sentence about the {0}.", "Write a sentence about a {0}.", "Make a sentence with the word {0}.",
                "Use the word in a sentence.|{0}", "Write one sentence with {0}."],
                draw.Pick(
                    [$"The {noun.En} is in the {room.En}.",
                        $"I see {Forms.Capital(noun.WithArticle)[0].ToString().ToLowerInvariant()}{noun.WithArticle[1..]} in "
                            + $"the {room.En}.", $"The {noun.En} is very {feeling.En}."]), noun.En),
            2 => draw.Ask(["Write a sentence about the {0}.", "Make a sentence with the word {0}.", "Use the word in a sentence.|{0}"],
                draw.Pick([$"The {thing.En} is {colour.En}.", $"I have {thing.WithArticle}.", $"The {thing.En} is near the door."]),
                thing.En),
            3 => draw.Ask(["用“{0}”造句。", "用{0}造一个句子。", "写一句关于{0}的话。"],
                draw.Pick([$"{noun.Zh}在{room.Zh}里。", $"我喜欢{noun.Zh}。", $"我看见一{noun.Measure}{noun.Zh}。"]), noun.Zh),
            4 => draw.Ask(["用“{0}”造句。", "写一句关于{0}的话。"],
                draw.Pick([$"这{thing.Measure}{thing.Zh}是{colour.Zh}的。", $"我有一{thing.Measure}{thing.Zh}。"]), thing.Zh),
            _ => Story(draw, noun),
        };
    }

    private static InstructionRecord Story(Draw draw, Noun hero)
    {
        var (who, room, feeling, food) =
            (draw.Pick(Lexicon.Named), draw.Pick(Lexicon.Places), draw.Pick(Lexicon.Feelings.Take(8).ToArray()), draw.Pick(Lexicon.Foods));
        return draw.Chance(0.6)
            ? draw.Ask(["Tell me a story about a {0}.", "Write a short story about a {0}.", "Tell me a short story.|{0}"],
                $"Once there was {hero.WithArticle} in a {room.En}. The {hero.En} was {feeling.En}. Then {who.En} came and gave "
                    + $"it {food.En}, and they became friends.", hero.En)
            : draw.Ask(["讲一个{0}的故事。", "写一个关于{0}的小故事。"],
                $"从前{room.Zh}里有一{hero.Measure}{hero.Zh}，它很{feeling.Zh}。后来{who.Zh}来了，给它{food.Zh}，他们成了好朋友。", hero.Zh);
    }

    /// <summary>Statement to question, to the negative, to another person.</summary>
    public static InstructionRecord Turn(Draw draw)
    {
        var (who, action, feeling) = (draw.Pick(Lexicon.Named), draw.Pick(Lexicon.Actions), draw.Pick(Lexicon.Feelings));
        return draw.Between(0, 3) switch
        {
            0 => draw.Ask(["Make this sentence negative.|{0} is {1}.", "Make this negative: {0} is {1}."], $"{who.En} is not {feeling.En}.",
                who.En, feeling.En),
            1 => draw.Ask(["Turn this into a question.|{0} is {1}.", "Make a question: {0} is {1}."], $"Is {who.En} {feeling.En}?", who.En,
                feeling.En),
            2 => draw.Ask(["Make this sentence negative.|{0} can {1}.", "Make this negative: {0} can {1}."],
                $"{who.En} cannot {action.En}.", who.En, action.En),
            _ => draw.Ask(["Turn this into a question.|{0} can {1}.", "Make a question: {0} can {1}."], $"Can {who.En} {action.En}?",
                who.En, action.En),
        };
    }
}
