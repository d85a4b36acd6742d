using System.Text.RegularExpressions;
using LoraAspire.DataBuild.Records;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.DataBuild.Written;

/// <summary>
/// Whether a record teaches the right identity. What the user gave (name, developer, abilities, languages) is taken out of the texts first, so that a model called XX, or made by a
/// company that other models come from, is no fault.
/// </summary>
internal static partial class IdentityCheck
{
    private const int LongestText = 1200;

    /// <param name="inChinese">The language that was asked for; null takes the question's own.</param>
    /// <returns>Why the record must not be learned, in words that are counted; null when it may be.</returns>
    public static string? Problem(InstructionRecord record, SelfCognitionSource self, bool? inChinese = null)
    {
        if (record.Instruction.Length == 0 || record.Output.Length == 0)
        {
            return "empty question or answer";
        }
        if (record.Instruction.Length + record.Input.Length + record.Output.Length > LongestText)
        {
            return "too long";
        }
        var (asked, answer) = (Bare(record.Instruction + "\n" + record.Input, self), Bare(record.Output, self));
        return Placeholder().IsMatch(asked) || Placeholder().IsMatch(answer) ? "a placeholder survives"
            : Refusal().IsMatch(answer) ? "a refusal"
            : OtherModels.ClaimedIn(record.Output, self) is { } other ? OtherModels.Claim + other
            : AsksName().IsMatch(record.Instruction) && !Says(record.Output, self.Name) ? "the name is missing"
            : AsksDeveloper().IsMatch(record.Instruction) && !Says(record.Output, self.Developer) ? "the developer is missing"
            : Language(asked, answer, inChinese ?? IsChinese(asked));
    }

    private static bool Says(string text, string words) => text.Contains(words, StringComparison.OrdinalIgnoreCase);

    /// <summary>The text with a neutral mark in the place of each word that the user gave; longest first, since one may hold another.</summary>
    private static string Bare(string text, SelfCognitionSource self) =>
        new[] { self.Name, self.Developer }.Concat(self.Abilities).Concat(self.Languages).Where(word => word.Length > 0).OrderByDescending(word => word.Length)
            .Aggregate(text, (rest, word) => rest.Replace(word, " · ", StringComparison.OrdinalIgnoreCase));

    private static string? Language(string asked, string answer, bool chinese) =>
        chinese
            ? IsChinese(asked) && IsChinese(answer) ? null : "not in Chinese"
            : !Han().IsMatch(asked) && !Han().IsMatch(answer) ? null : "not in English";

    /// <summary>At least one Chinese character to two Latin words: a foreign name in it is no other language.</summary>
    private static bool IsChinese(string text) => Han().Count(text) is var letters && letters > 0 && letters * 2 >= Latin().Count(text);

    [GeneratedRegex(@"\p{IsCJKUnifiedIdeographs}")]
    private static partial Regex Han();

    [GeneratedRegex("[A-Za-z]+")]
    private static partial Regex Latin();

    // [NAME], {name}, <name>, XX, ××, ___, 某某: what a person was to fill in.
    [GeneratedRegex(@"\[[^\[\]\n]{1,40}\]|【[^【】\n]{1,20}】|\{[^{}\n]{0,40}\}|<[A-Za-z_\p{IsCJKUnifiedIdeographs}][^<>\n]{0,30}>|(?<![A-Za-z])[Xx]{2,}(?![A-Za-z])|×{2,}|○{2,}|_{2,}|＿{2,}|某某|\byour name here\b|\b(?:insert|fill in) (?:your|the|a) ", RegexOptions.IgnoreCase)]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"^\W*(?:I['’]m sorry|I am sorry|sorry\b|I apologi[sz]e)|\bI (?:cannot|can['’]t|can not|am unable to|am not able to|won['’]t) (?:help|assist|answer|provide|fulfil|comply|create|generate|pretend|do that)|\bas an AI(?: language)?(?: model| assistant)?,? I (?:cannot|can['’]t|do not|don['’]t|am not able|am unable)|^\W*(?:非常|很|十分)?(?:抱歉|对不起|遗憾)|作为(?:一个|一名)?(?:AI|人工智能|语言模型)[^。！？\n]{0,12}，?我?(?:无法|不能)|(?:我|我们)(?:无法|不能)(?:回答|提供|满足|生成|协助)", RegexOptions.IgnoreCase)]
    private static partial Regex Refusal();

    [GeneratedRegex(@"\bwho (?:exactly )?are you|\bwho you are|\byour name\b|\bhave a name\b|\byou called\b|\b(?:call|address) you\b|\bintroduce yourself|\babout yourself|\bdescribe yourself|\bintroduction of yourself|\bwho(?:m)? am I (?:talking|speaking|chatting)|\bare you (?:ChatGPT|GPT|Claude|Gemini|Llama|Siri|Alexa|Bing)|你(?:到底|究竟)?是谁|您是谁|你叫|您叫|(?<!我的?)名字|称呼你|称呼您|怎么称呼|叫你什么|自我介绍|介绍(?:一下|下)?(?:你|您)?自己|说说你自己|我在(?:和|跟|与)谁|您贵姓", RegexOptions.IgnoreCase)]
    private static partial Regex AsksName();

    [GeneratedRegex(@"\bwho (?:made|created|developed|built|trained|designed) you|\bwho(?: is|['’]s) (?:your (?:developer|creator|maker|author)|behind you)|\byour (?:developer|creator)\?|谁(?:开发|创造|训练|制作|研发|做|设计)(?:了|出)?(?:你|您)|(?:你|您)(?:是)?(?:由)?谁(?:开发|创造|训练|制作|研发|做|设计)|(?:你|您)的(?:开发者|创造者|作者|研发团队|开发团队)是", RegexOptions.IgnoreCase)]
    private static partial Regex AsksDeveloper();
}
