using System.Globalization;
using LoraAspire.DataBuild.Records;

namespace LoraAspire.Grammar;

/// <summary>A small closed world: colours, days, months, capitals, animals.</summary>
internal static class FactTopics
{
    public static InstructionRecord Colour(Draw draw)
    {
        var (en, zh, colour, zhColour) = draw.Pick(Lexicon.Coloured);
        var wrong = draw.Pick([.. Lexicon.Colours.Where(other => other.En != colour)]);
        return draw.Between(0, 5) switch
        {
            0 or 1 => draw.Ask(["What colour is {0}?", "What is the colour of {0}?", "Tell me the colour of {0}.",
                "Which colour does {0} have?", "What color is {0}?"], $"{Forms.Capital(en)} is {colour}.", en),
            2 or 3 => draw.Ask(["{0}是什么颜色？", "{0}是什么颜色的？", "{0}的颜色是什么？", "告诉我{0}的颜色。"], $"{zh}是{zhColour}的。", zh),
            4 => draw.Ask(["Is {0} {1}?"], draw.Chance(0.5) is var yes && yes ? $"Yes, {en} is {colour}." : $"No, {en} is {colour}.", en,
                yes ? colour : wrong.En),
            _ => draw.Ask(["{0}是{1}的吗？"], draw.Chance(0.5) is var ja && ja ? $"是的，{zh}是{zhColour}的。" : $"不是，{zh}是{zhColour}的。", zh,
                ja ? zhColour : wrong.Zh),
        };
    }

    public static InstructionRecord Calendar(Draw draw)
    {
        var (names, one) = draw.Chance(0.5) ? (Lexicon.Days, "day") : draw.Chance(0.8) ? (Lexicon.Months, "month")
            : (Lexicon.Seasons, "season");
        var zhOne = one == "day" ? "一天" : one == "month" ? "一个月" : "一个季节";
        var at = draw.Between(0, names.Length - 1);
        var (now, next, before) = (names[at], names[(at + 1) % names.Length], names[(at + names.Length - 1) % names.Length]);
        return draw.Between(0, 5) switch
        {
            0 => draw.Ask(["Which {1} comes after {0}?", "What {1} comes after {0}?", "What is the {1} after {0}?"],
                $"{Forms.Capital(next.En)} comes after {now.En}.", now.En, one),
            1 => draw.Ask(["Which {1} comes before {0}?", "What is the {1} before {0}?"],
                $"{Forms.Capital(before.En)} comes before {now.En}.", now.En, one),
            2 => draw.Ask(["{0}的下{1}是什么？", "{0}之后是什么？"], $"{now.Zh}之后是{next.Zh}。", now.Zh, zhOne),
            3 => draw.Ask(["{0}的前{1}是什么？", "{0}之前是什么？"], $"{now.Zh}之前是{before.Zh}。", now.Zh, zhOne),
            4 when one == "day" => draw.Ask(["If today is {0}, what day is tomorrow?", "Today is {0}. What day is tomorrow?"],
                $"Tomorrow is {next.En}.", now.En),
            4 => draw.Ask(["How many {0}s are there in a " + (one == "season" ? "year?" : "year?")],
                one == "season" ? "There are four seasons in a year." : "There are twelve months in a year.", one),
            _ when one == "day" => draw.Ask(["今天是{0}，明天是什么？", "今天{0}，明天星期几？"], $"明天是{next.Zh}。", now.Zh),
            _ => draw.Ask(["List the {0}s of the year.", "Name the {0}s."], Forms.And([.. names.Select(name => name.En)]) + ".", one),
        };
    }

    public static InstructionRecord Capital(Draw draw)
    {
        var row = draw.Pick(Lexicon.Capitals);
        return draw.Between(0, 3) switch
        {
            0 => draw.Ask(["What is the capital of {0}?", "Name the capital of {0}.", "Which city is the capital of {0}?"],
                $"The capital of {row[0]} is {row[1]}.", row[0]),
            1 => draw.Ask(["{0}的首都是哪里？", "{0}的首都是什么？"], $"{row[2]}的首都是{row[3]}。", row[2]),
            2 => draw.Ask(["Where is {0}?", "In which country is {0}?"], $"{row[1]} is in {row[0]}.", row[1]),
            _ => draw.Ask(["{0}在哪个国家？", "{0}在哪里？"], $"{row[3]}在{row[2]}。", row[3]),
        };
    }

    public static InstructionRecord Animal(Draw draw)
    {
        var f = draw.Pick(Lexicon.AnimalFacts);
        var a = f[0];
        return draw.Between(0, 7) switch
        {
            0 => draw.Ask(["What does a {0} say?", "What sound does a {0} make?"], $"A {a} says {f[1]}.", a),
            1 => draw.Ask(["What does a {0} eat?", "What do you feed a {0}?"], $"A {a} eats {f[2]}.", a),
            2 => draw.Ask(["Where does a {0} live?"], $"A {a} lives {f[3]}.", a),
            3 => draw.Ask(["How many legs does a {0} have?"],
                $"A {a} has {Lexicon.Numbers[int.Parse(f[4], CultureInfo.InvariantCulture)]} legs.", a),
            4 => draw.Ask(["{0}怎么叫？", "{0}的叫声是什么？"], $"{f[5]}的叫声是{f[6]}。", f[5]),
            5 => draw.Ask(["{0}吃什么？", "{0}喜欢吃什么？"], $"{f[5]}吃{f[7]}。", f[5]),
            6 => draw.Ask(["{0}住在哪里？"], $"{f[5]}住在{f[8]}。", f[5]),
            _ => draw.Ask(["{0}有几条腿？"], $"{f[5]}有{Lexicon.CountInChinese(int.Parse(f[4], CultureInfo.InvariantCulture))}条腿。", f[5]),
        };
    }

    public static InstructionRecord AboutAnimal(Draw draw)
    {
        var f = draw.Pick(Lexicon.AnimalFacts);
        return draw.Chance(0.6)
            ? draw.Ask(["Tell me about the {0}.", "Tell me something about a {0}.", "Describe a {0}.", "What do you know about the {0}?"],
                $"A {f[0]} is an animal. It lives {f[3]}, eats {f[2]} and "
                    + $"has {Lexicon.Numbers[int.Parse(f[4], CultureInfo.InvariantCulture)]} legs.", f[0])
            : draw.Ask(["介绍一下{0}。", "说说{0}。", "你知道{0}吗？"],
                $"{f[5]}是一种动物，住在{f[8]}，吃{f[7]}，有{Lexicon.CountInChinese(int.Parse(f[4], CultureInfo.InvariantCulture))}条腿。", f[5]);
    }
}
