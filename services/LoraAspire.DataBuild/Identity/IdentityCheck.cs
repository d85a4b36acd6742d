using System.Text.RegularExpressions;
using LoraAspire.DataBuild.Records;
using LoraAspire.Model.Identity;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.DataBuild.Identity;

/// <summary>
/// Whether a record teaches the right identity. What the user gave (name, developer, abilities, languages) is masked in the texts first, as
/// whole phrases, so that a model called XX, or made by a company that other models come from, is no fault.
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
        var given = Given(self);
        var (question, output) =
            (GivenWords.Folded(record.Instruction + "\n" + record.Input).TrimEnd('\n'), GivenWords.Folded(record.Output));
        var (asked, answer) = (given.Masked(question), given.Masked(output));
        return (question + output).Any(letter => char.IsControl(letter) && letter is not ('\n' or '\r' or '\t')) ? "a control character"
            : (question + output).Contains(Blanks.Damaged) ? "a damaged letter"
            : Placeholder().IsMatch(asked) || Placeholder().IsMatch(answer) ? "a placeholder survives"
            : Refusal().IsMatch(answer) || (Excuse().IsMatch(answer) && !given.Name(output)) ? "a refusal"
            : Claims.In(asked, answer) is { } other ? OtherModels.Claim + other
            : IdentityAsked.Name(question) && !given.Name(output) ? "the name is missing"
            : IdentityAsked.Developer(question) && !given.Developer(output) ? "the developer is missing"
            : OtherName().IsMatch(answer) ? "another name than the model's"
            : AnswerLanguage.Problem(asked, answer, inChinese ?? AnswerLanguage.IsChinese(asked));
    }

    /// <summary>The same for a record that a chat model wrote: what teaches nothing of the identity isn't wanted from it.</summary>
    public static string? WrittenProblem(InstructionRecord record, SelfCognitionSource self, bool inChinese)
    {
        var given = Given(self);
        var output = GivenWords.Folded(record.Output);
        return Problem(record, self, inChinese)
            ?? (given.Name(output) || given.Developer(output) ? null : "says neither name nor developer");
    }

    private static GivenWords Given(SelfCognitionSource self) => new(self.Name, self.Developer, [.. self.Abilities, .. self.Languages]);

    // [NAME], {name}, <name>, XX, ××, ___, 某某, （开发者）: what a person was to fill in.
    [GeneratedRegex(@"\[[^\[\]\n]{1,40}\]|【[^【】\n]{1,20}】|\{[^{}\n]{0,40}\}|<[A-Za-z_\p{IsCJKUnifiedIdeographs}][^<>\n]{0,30}>|"
        + @"(?<![A-Za-z])[Xx]{2,}(?![A-Za-z])|×{2,}|○{2,}|_{2,}|＿{2,}|某(?:某|公司|团队|机构|大学|实验室)|[（(](?:你的|您的)?(?:(?:开发者|开发商|公司|"
        + @"机构)(?:的)?(?:名称|名字)?|(?:团队|模型|助手)(?:的)?(?:名称|名字)|名字|姓名)[)）]|[（(](?:the |your )?(?:(?:company|developer)(?: name)?|(?:team|"
        + @"organi[sz]ation|assistant|model) name|name)[)）]|[“""「『][^”""」』\n]{0,6}(?:名称|姓名)[”""」』]|由\s*(?:…|\.{3})|\byour name here\b|"
        + @"\b(?:insert|fill in) (?:your|the|a) ", RegexOptions.IgnoreCase)]
    private static partial Regex Placeholder();

    /// <summary>A refusal whatever else is said.</summary>
    [GeneratedRegex(@"\bI (?:cannot|can't|can not|am unable to|am not able to|won't) (?:help|assist)(?: you)? with (?:that|this)\b|"
        + @"\b(?:do not|don't) have a (?:personal |real )?name\b|我(?:并?没有|没)(?:自己的)?名字", RegexOptions.IgnoreCase)]
    private static partial Regex Refusal();

    /// <summary>A refusal, unless the model goes on to say who it is.</summary>
    [GeneratedRegex(@"^\W*(?:I'm sorry|I am sorry|sorry\b|I apologi[sz]e)|\bI (?:cannot|can't|can not|am unable to|am not able to|won't) "
        + @"(?:help|assist|answer|provide|fulfil|comply|create|generate|pretend|do that)|\bas an AI(?: language)?(?: model| "
        + @"assistant)?,? I (?:cannot|can't|do not|don't|am not able|am unable)|^\W*(?:非常|很|十分)?(?:抱歉|对不起|遗憾)|作为(?:一个|一名)?(?:AI|人工智能|"
        + @"语言模型)[^。！？\n]{0,12}，?我?(?:无法|不能)|(?:我|我们)(?:无法|不能)(?:回答|提供|满足|生成|协助)", RegexOptions.IgnoreCase)]
    private static partial Regex Excuse();

    /// <summary>"My name is" and its like before a name, and not before the given one.</summary>
    [GeneratedRegex(@"\b(?i:my (?:real |full )?name(?: is|'s)|I(?:'m| am) called|calls? me|I go by(?: the name(?: of)?)?|I(?:'m| am) "
        + @"known as)\s+[""'“*]*(?!I\b|The\b|Not\b)[A-Z][\w'-]*|(?<!别|不要|不)(?:我叫|我的名字(?:是|叫)|叫我)\s*[“""「]?(?!由|从|来|什么|啥|你|您|谁|个|一|这|那|不|"
        + @"没|取|因|根据|开发|团队|有|就|好|也|做|任何)[\p{IsCJKUnifiedIdeographs}A-Za-z]")]
    private static partial Regex OtherName();
}
