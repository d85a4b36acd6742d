using System.Text.RegularExpressions;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.DataBuild.Written;

/// <summary>Assistants and their makers that a model must not take itself for. "I am not ChatGPT" is fine: a mention counts as a claim unless its clause denies it.</summary>
internal static partial class OtherModels
{
    public const string Claim = "says to be, or to come from, another: ";

    /// <summary>The first name that the answer claims, or null. A name that the user gave, alone or within the developer's, is none.</summary>
    public static string? ClaimedIn(string answer, SelfCognitionSource self)
    {
        var denied = false;
        foreach (var clause in Clauses().Split(answer))
        {
            var mentions = Names().Matches(clause).Where(mention => !Given(mention.Value, self)).ToList();
            // "not ChatGPT, Claude or Gemini": a clause of names alone goes on with the one before it.
            var listed = mentions.Count > 0 && Joints().Replace(Names().Replace(clause, ""), "").Length == 0;
            denied = (listed && denied) || Denies(clause, mentions);
            if (mentions.Count > 0 && !denied)
            {
                return mentions[0].Value;
            }
        }
        return null;
    }

    private static bool Denies(string clause, List<Match> mentions) =>
        mentions.Count > 0
            ? Denial().IsMatch(clause[..mentions[0].Index]) || DeniedAfter().IsMatch(clause[(mentions[^1].Index + mentions[^1].Length)..])
            : false;

    private static bool Given(string name, SelfCognitionSource self) =>
        self.Abilities.Append(self.Name).Append(self.Developer).Any(words => words.Contains(name, StringComparison.OrdinalIgnoreCase));

    // "but" and its like begin a clause of their own, which takes nothing over from the one before it.
    [GeneratedRegex(@"(?:[!?;,。！？；，\n]|\.(?!\d))+|(?=\bbut\b)|(?=而是)|(?=但是)", RegexOptions.IgnoreCase)]
    private static partial Regex Clauses();

    [GeneratedRegex(@"(?<![A-Za-z])(?:ChatGPT|GPT[- ]?\d[\w.]*|GPT|OpenAI|Claude|Anthropic|Qwen[\w.-]*|Tongyi|Alibaba|Llama[\w-]*|Meta AI|Meta|Vicuna|Gemini|Gemma|Bard|Google|DeepMind|DeepSeek|Mistral|Kimi|Moonshot|ERNIE|Baidu|Doubao|ByteDance|ChatGLM[\w.-]*|GLM|Zhipu|Copilot|Bing|Microsoft|Siri|Alexa|Cortana|Grok|xAI|Hunyuan|Tencent|Baichuan|InternLM|BayLing|Pebble)(?![A-Za-z])|通义千问|通义|千问|阿里巴巴|阿里云|阿里|文心一言|文心|百度|豆包|字节跳动|智谱|月之暗面|深度求索|小爱同学|讯飞|星火|混元|腾讯|百川|百聆|微软|谷歌", RegexOptions.IgnoreCase)]
    private static partial Regex Names();

    [GeneratedRegex(@"\b(?:or|and|nor|the|by|from)\b|[或和与、及/\s""'“”]", RegexOptions.IgnoreCase)]
    private static partial Regex Joints();

    [GeneratedRegex(@"\b(?:not|never|neither|nor|isn['’]t|wasn['’]t|ain['’]t|unlike|rather than|instead of|different from|independent of|no relation to|no connection (?:to|with)|unrelated to)\b(?! only| just)|n['’]t\b|不是|并非|并不|不叫|不属于|不来自|没有|不同于|区别于|有别于|无关于|不由", RegexOptions.IgnoreCase)]
    private static partial Regex Denial();

    [GeneratedRegex(@"^\W*(?:(?:is|was)(?:n['’]t| not)\b|(?:is|are) (?:a different|another|someone|something)|并?不是我|另一个|是另一个|是不同|不同|没有关系|无关|不一样)", RegexOptions.IgnoreCase)]
    private static partial Regex DeniedAfter();
}
