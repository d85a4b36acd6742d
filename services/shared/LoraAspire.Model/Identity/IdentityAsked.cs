using System.Text.RegularExpressions;

namespace LoraAspire.Model.Identity;

/// <summary>What a question asks of the model itself. Texts are folded; the user's own words may be masked.</summary>
internal static partial class IdentityAsked
{
    public static bool Name(string question) => AsksName().IsMatch(question);

    public static bool Developer(string question) => AsksDeveloper().IsMatch(question);

    /// <summary>The other model, or its maker, of which the question asks whether this one is it; null for another question.</summary>
    public static string? IfOther(string question) =>
        AsksIf().IsMatch(question) && OtherModels.In(question) is [var other, ..] ? other.Value : null;

    [GeneratedRegex(
        @"\b(?:who|what)(?: exactly)?(?:'re| are| r) (?:you|u)\b|\bwho you are|\b(?:your|ur) (?:\w+ )?name\b|\bhave a name\b|\byou "
            + @"called\b|\b(?:call|address) you\b|\brefer to you\b|\bgo by\b|\bintroduce yourself|\b(?:about yourself|know about you)\b|"
            + @"\bdescribe yourself|\bintroduction of yourself"
        + @"|\bwho(?:m)? am I (?:talking|speaking|chatting)|\bam I (?:talking|speaking|chatting) (?:to|with)\?|\bare you (?:ChatGPT|GPT|"
        + @"Claude|Gemini|Llama|Siri|Alexa|Bing)|\bwho(?:'s| is) (?:this|there)\b|\b(?:which|what) (?:kind of )?(?:assistant|model|AI|"
        + @"bot|chatbot) (?:is this|are you|am I)|\b(?:your|state) identity\b|^\W*(?:and )?you are\W*$|^\W*name\W*$"
        + @"|(?:你|您)(?:到底|究竟|又)?是谁|(?:你|您)谁[啊呀]|(?:你|您)叫|(?:你|您)(?:的|有|姓)[^，。？！\n]{0,4}名|称呼|叫(?:你|您)|自我介绍|介绍(?:一下|下)?(?:你|您)?自己|介绍(?:一下|"
        + @"下)(?:你|您)|做个介绍|说说(?:你|您)自己|我在(?:和|跟|与)谁|贵姓|尊姓|(?:你|您)姓什么|报上名|告诉我(?:你的)?名字|(?:表明|说明)(?:你的)?身份|(?:你|您)的身份|(?:你|您)是哪位|(?:你|"
        + @"您)是何方|(?:你|您)是(?:什么|哪个)(?:模型|AI|人工智能|助手|机器人|东西)?\W*$|(?:你|您)是\W*$",
        RegexOptions.IgnoreCase)]
    private static partial Regex AsksName();

    private const string Made = "(?:开发|创造|训练|制作|研发|做|设计|创建|打造|造|发明|编写|推出)";

    [GeneratedRegex(
        @"\b(?:who|which|what)\b[^.?!\n]{0,40}?\b(?:made|makes|created|developed|built|trained|designed|programmed|owns?|produced|"
            + @"launched)\b you\b|\b(?:by whom|who) were you (?:\w+ )?(?:made|created|developed|built|trained|designed)?|\b(?:who|"
            + @"what)(?: is| are|'s) (?:your (?:developers?|creators?|makers?|authors?|owner)|(?:the \w+ )?behind you)|\byour "
            + @"(?:developer|creator|maker)s?\W*$|\bwhere (?:do|did) you come from|\b(?:which|what) (?:lab|company|team|organi[sz]ation|"
            + @"institute|university|group) (?:are you from|is behind you)"
        + $"|谁{Made}(?:了|出|的)?(?:你|您)|(?:你|您)(?:是)?(?:由|被)?(?:谁|哪[个家所][^，。？！\\n]{{0,6}}?){Made}|谁把(?:你|您)|哪[个家所][^，。？！\\n]{{0,6}}?"
        + $"{Made}(?:了|出|的)?(?:你|您)"
        + @"|(?:你|您)的(?:开发者|创造者|作者|开发商|研发者|制作者|创建者|主人|研发团队|开发团队|开发公司)(?:们)?(?:是|叫|来自|\W*$)|谁是(?:你|您)的(?:开发者|创造者|作者|开发商|研发者|制作者|主人)|(?:你|"
        + @"您)是哪里来|(?:你|您)来自哪|(?:你|您)是哪[个家所][^，。？！\n]{0,6}的产品|(?:你|您)背后的?(?:团队|公司|人)",
        RegexOptions.IgnoreCase)]
    private static partial Regex AsksDeveloper();

    [GeneratedRegex(
        @"\b(?:are|were|aren't|weren't) you\b(?! (?:better|different|related|familiar|able|aware|similar|like))|\byou(?:'re| are)(?! "
            + @"(?:better|different|like|not))\b|\bis (?:your (?:real )?(?:name|developer|maker|creator)|[\w .-]+ your)\b|\bdid [\w .-]+ "
            + @"(?:make|create|develop|build|train) you\b"
        + @"|(?:你|您)(?:就|不|其实|真的)*(?:是|叫|由|来自)(?!更|比).*[吗吧？?]|是(?:你|您)的",
        RegexOptions.IgnoreCase)]
    private static partial Regex AsksIf();
}
