using System.Text.RegularExpressions;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>What models call the question, the answer and the roles of a record, whatever they were told to call them.</summary>
internal static partial class RecordKeys
{
    private static readonly HashSet<string> Questions =
    [
        "instruction", "instructions", "instruct", "instrution", "question", "prompt", "user", "query", "human", "q", "user_question", "user_input", "user_query",
        "指令", "问题", "提问", "问", "用户", "用户问题", "用户提问",
    ];

    private static readonly HashSet<string> Answers =
    [
        "output", "outputs", "answer", "response", "assistant", "completion", "reply", "gpt", "a", "assistant_answer", "assistant_response", "model_answer",
        "输出", "回答", "答案", "答", "回复", "助手", "助手回答",
    ];

    public static bool IsQuestion(string key) => Questions.Contains(Bare(key));

    public static bool IsAnswer(string key) => Answers.Contains(Bare(key));

    public static bool IsInput(string key) => Bare(key) is "input" or "输入";

    /// <summary>The keys as a pattern, longest first.</summary>
    public static string Pattern => string.Join('|', Questions.Concat(Answers).OrderByDescending(key => key.Length).Select(Regex.Escape));

    /// <summary>Without decoration (<c>**instruction**</c>), number (<c>output2</c>) and explanation (<c>output（助手的回答）</c>).</summary>
    private static string Bare(string key) => Decoration().Replace(key, "").ToLowerInvariant();

    [GeneratedRegex(@"[（(].*$|[\s*#:：""'`]+|\d+$")]
    private static partial Regex Decoration();
}
