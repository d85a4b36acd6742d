using LoraAspire.DataBuild.Records;

namespace LoraAspire.Grammar;

/// <summary>Simple sentences in English with the Chinese that says the same.</summary>
internal static class Sentences
{
    private static readonly Func<Draw, Pair>[] Patterns =
    [
        Likes, LikesFood, Has, ThisIs, IsAdjective, IsColoured, IsAt, Wants, EveryDay, Feels, WhereIs, DoYou, IsJob, Will, ThereAre, Can,
        Please, DoesNotLike, LikesTo, HowMany,
    ];

    public static Pair Make(Draw draw) => draw.Pick(Patterns)(draw);

    private static string Verb(Subject subject, string plain, string third) => subject.ThirdSingular ? third : plain;

    private static Pair Likes(Draw draw)
    {
        var (who, what) = (draw.Pick(Lexicon.Subjects), draw.Pick(Lexicon.Countable));
        return new($"{who.En} {Verb(who, "like", "likes")} {what.Plural}.", $"{who.Zh}喜欢{what.Zh}。");
    }

    private static Pair LikesFood(Draw draw)
    {
        var (who, what) = (draw.Pick(Lexicon.Subjects), draw.Pick(Lexicon.Foods));
        return new($"{who.En} {Verb(who, "like", "likes")} {what.En}.", $"{who.Zh}喜欢{what.Zh}。");
    }

    private static Pair DoesNotLike(Draw draw)
    {
        var (who, what) = (draw.Pick(Lexicon.Subjects), draw.Pick(Lexicon.Foods));
        return new($"{who.En} {Verb(who, "do", "does")} not like {what.En}.", $"{who.Zh}不喜欢{what.Zh}。");
    }

    private static Pair LikesTo(Draw draw)
    {
        var (who, what) = (draw.Pick(Lexicon.Subjects), draw.Pick(Lexicon.Actions));
        return new($"{who.En} {Verb(who, "like", "likes")} to {what.En}.", $"{who.Zh}喜欢{what.Zh}。");
    }

    private static Pair Has(Draw draw)
    {
        var (who, what, count) = (draw.Pick(Lexicon.Subjects), draw.Pick(Lexicon.Countable), draw.Between(1, 10));
        var english = count == 1 ? what.WithArticle : $"{Lexicon.Numbers[count]} {what.Plural}";
        return new($"{who.En} {Verb(who, "have", "has")} {english}.", $"{who.Zh}有{Lexicon.CountInChinese(count)}{what.Measure}{what.Zh}。");
    }

    private static Pair ThisIs(Draw draw)
    {
        var what = draw.Pick(Lexicon.Countable);
        return draw.Chance(0.5)
            ? new($"This is {what.WithArticle}.", $"这是一{what.Measure}{what.Zh}。")
            : new($"That is {what.WithArticle}.", $"那是一{what.Measure}{what.Zh}。");
    }

    private static Pair IsAdjective(Draw draw)
    {
        var (what, how) = (draw.Pick(Lexicon.Countable), draw.Pick(Lexicon.Adjectives));
        return new($"The {what.En} is very {how.En}.", $"这{what.Measure}{what.Zh}很{how.Zh}。");
    }

    private static Pair IsColoured(Draw draw)
    {
        var (what, colour) = (draw.Pick([.. Lexicon.Things, .. Lexicon.Vehicles, .. Lexicon.Furniture]), draw.Pick(Lexicon.Colours));
        return new($"The {what.En} is {colour.En}.", $"这{what.Measure}{what.Zh}是{colour.Zh}的。");
    }

    private static Pair IsAt(Draw draw)
    {
        var what = draw.Pick(Lexicon.Movable);
        var (table, room) = (draw.Pick(Lexicon.Furniture), draw.Pick(Lexicon.Places));
        return draw.Between(0, 3) switch
        {
            0 => new($"The {what.En} is on the {table.En}.", $"{what.Zh}在{table.Zh}上。"),
            1 => new($"The {what.En} is under the {table.En}.", $"{what.Zh}在{table.Zh}下面。"),
            2 => new($"The {what.En} is near the {table.En}.", $"{what.Zh}在{table.Zh}旁边。"),
            _ => new($"The {what.En} is in the {room.En}.", $"{what.Zh}在{room.Zh}里。"),
        };
    }

    private static Pair Wants(Draw draw)
    {
        var (who, what) = (draw.Pick(Lexicon.Subjects), draw.Pick(Lexicon.Actions));
        return new($"{who.En} {Verb(who, "want", "wants")} to {what.En}.", $"{who.Zh}想{what.Zh}。");
    }

    private static Pair EveryDay(Draw draw)
    {
        var (who, what) = (draw.Pick(Lexicon.Subjects), draw.Pick(Lexicon.Actions));
        return new($"{who.En} {Verb(who, what.En, what.Third)} every day.", $"{who.Zh}每天{what.Zh}。");
    }

    private static Pair Feels(Draw draw)
    {
        var (who, how) = (draw.Pick(Lexicon.Subjects), draw.Pick(Lexicon.Feelings));
        return draw.Chance(0.7)
            ? new($"{who.En} {who.Be} very {how.En}.", $"{who.Zh}很{how.Zh}。")
            : new($"{who.En} {who.Be} not {how.En}.", how.Zh.StartsWith('不') ? $"{who.Zh}没有{how.Zh}。" : $"{who.Zh}不{how.Zh}。");
    }

    private static Pair WhereIs(Draw draw)
    {
        var what = draw.Pick([.. Lexicon.Movable, .. Lexicon.Places]);
        return new($"Where is the {what.En}?", $"{what.Zh}在哪里？");
    }

    private static Pair DoYou(Draw draw)
    {
        var (thing, action) = (draw.Pick(Lexicon.Countable), draw.Pick(Lexicon.Actions));
        return draw.Chance(0.5)
            ? new($"Do you like {thing.Plural}?", $"你喜欢{thing.Zh}吗？")
            : new($"Do you want to {action.En}?", $"你想{action.Zh}吗？");
    }

    private static Pair IsJob(Draw draw)
    {
        var (who, job) =
            (draw.Pick([.. Lexicon.Named, Lexicon.Subjects[0], Lexicon.Subjects[2], Lexicon.Subjects[3]]), draw.Pick(Lexicon.Jobs));
        return new($"{who.En} {who.Be} {job.WithArticle}.", $"{who.Zh}是一名{job.Zh}。");
    }

    private static Pair Will(Draw draw)
    {
        var (who, what, when) = (draw.Pick(Lexicon.Subjects), draw.Pick(Lexicon.Actions),
            draw.Pick([.. Lexicon.Times.Where(time => time.En is not "now" and not "this morning")]));
        return new($"{who.En} will {what.En} {when.En}.", $"{who.Zh}{when.Zh}会{what.Zh}。");
    }

    private static Pair ThereAre(Draw draw)
    {
        var (what, room, count) = (draw.Pick(Lexicon.Movable), draw.Pick(Lexicon.Places), draw.Between(1, 10));
        var english = count == 1 ? $"is {what.WithArticle}" : $"are {Lexicon.Numbers[count]} {what.Plural}";
        return new($"There {english} in the {room.En}.", $"{room.Zh}里有{Lexicon.CountInChinese(count)}{what.Measure}{what.Zh}。");
    }

    private static Pair Can(Draw draw)
    {
        var (who, what) = (draw.Pick(Lexicon.Subjects), draw.Pick(Lexicon.Actions));
        return draw.Chance(0.6) ? new($"{who.En} can {what.En}.", $"{who.Zh}能{what.Zh}。")
            : new($"{who.En} cannot {what.En}.", $"{who.Zh}不能{what.Zh}。");
    }

    private static Pair Please(Draw draw)
    {
        var what = draw.Pick(Lexicon.Actions);
        return draw.Between(0, 2) switch
        {
            0 => new($"Please {what.En}.", $"请{what.Zh}。"),
            1 => new($"Let us {what.En}.", $"我们{what.Zh}吧。"),
            _ => new($"Please do not {what.En}.", $"请不要{what.Zh}。"),
        };
    }

    private static Pair HowMany(Draw draw)
    {
        var (who, what) = (draw.Pick(Lexicon.Named), draw.Pick(Lexicon.Movable));
        return new($"How many {what.Plural} does {who.En} have?", $"{who.Zh}有几{what.Measure}{what.Zh}？");
    }
}
