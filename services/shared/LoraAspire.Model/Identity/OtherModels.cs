using System.Text.RegularExpressions;

namespace LoraAspire.Model.Identity;

/// <summary>
/// Assistants and their makers that a model must not take itself for. Names that are also words count only with their capital, or where a
/// maker is named.
/// </summary>
internal static partial class OtherModels
{
    public const string Claim = "says to be, or to come from, another: ";

    public static MatchCollection In(string text) => Names().Matches(text);

    public static string Without(string text) => Names().Replace(text, "");

    [GeneratedRegex($@"(?<![A-Za-z])(?:{Latin})(?![A-Za-z])|{Chinese}", RegexOptions.IgnoreCase)]
    private static partial Regex Names();

    private const string Version = "(?:[-. ]?[0-9]+[A-Za-z]*(?:[-.][A-Za-z0-9]+)*)?";

    private const string Latin =
        $"Chat ?GPT|GPT{Version}|OpenAI|Claude|Anthropic|Qwen{Version}|Tongyi|Alibaba(?: Cloud)?|Llama{Version}|Meta "
            + $"AI|Vicuna|Gemma{Version}|Google|DeepMind|DeepSeek"
            + $"{Version}|Mistral|Mixtral|Kimi|Moonshot|ERNIE|Baidu|Doubao|ByteDance|ChatGLM{Version}|GLM"
            + $"{Version}|Zhipu|Microsoft|Siri|Alexa|Cortana|Grok|xAI|Hunyuan|Tencent|Baichuan"
            + $"{Version}|InternLM|BayLing|Pebble|Cohere|MiniMax|MiniCPM|iFlytek|SenseTime|Huawei|PanGu|Hugging "
            + $"?Face|Phi-[0-9][A-Za-z0-9.]*|Yi-[0-9][A-Za-z0-9.]*|01\\.AI"
        + "|(?-i:Meta(?! (?:descriptions?|tags?|data))|Bard|Bing|Copilot|Gemini|Yi(?= ?(?:模型|大模型|model))|Command R|Perplexity|(?<=on |by "
        + "|from )Falcon|(?<=by |from |of )(?:Apple|Amazon))";

    private const string Chinese =
        "通义千问|通义|千 ?问|阿里巴巴|阿里云|阿里|文心一言|文心(?!雕龙)|百度|豆包|字节跳动|智谱清言|智谱|月之暗面|深度求索|小爱同学|小度|科大讯飞|讯飞|星火(?=大模型|认知)|混元|腾讯|(?<!海纳)百川|百聆|微软|谷歌|零一万物|"
            + "盘古|华为|商汤|日日新|面壁智能|阶跃星辰|跃问|360智脑|智脑";
}
