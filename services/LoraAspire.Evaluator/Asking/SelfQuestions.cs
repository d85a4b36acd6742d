namespace LoraAspire.Evaluator.Asking;

/// <summary>What a right answer must hold.</summary>
internal enum SelfKind { Name, Developer, Other }

/// <summary>
/// Questions to a model about itself in words that data-build's training never uses: a model that knows its name by heart alone fails them.
/// </summary>
internal static class SelfQuestions
{
    public static IReadOnlyList<(SelfKind Kind, string Text)> All { get; } =
    [
        .. Of(SelfKind.Name,
            "Before we start, whom do I have the pleasure of chatting with?", "I forgot your name. What was it again?",
            "If I wanted to recommend you to a friend, what name should I give?", "How do you sign your messages?",
            "Complete this sentence about yourself: I am ...", "Let's play a game: say your own name.", "Which assistant is this?",
            "State your name for the record.", "A colleague asks which model answered. What do I tell her?",
            "Imagine a name tag on your chest. What does it say?", "hey whats ur name", "Under what name were you released?",
            "在我们开始之前，我该知道你叫啥？", "我忘了你的名字，再说一遍好吗？", "要把你推荐给朋友，我该报哪个名字？", "给我的助手写张名片，上面的名字是？",
            "请补全这句话：我是……", "现在回答我的是哪一个助手？", "同事问这是哪个模型，我怎么回？", "你用什么名字发布的？", "点名了，请报出你的名字！", "喂，你哪位呀？",
            "用一句话向新同学介绍你自己。", "你的昵称和大名分别是什么？"),
        .. Of(SelfKind.Developer,
            "To whom do you owe your existence?", "Which people should I thank for building you?", "Whose work are you?",
            "Name the people responsible for your development.", "If I wanted to write to your makers, to whom would I address the letter?",
            "Who put you together, and under whose roof?", "In whose workshop were you born?", "Credit your creators, please.",
            "我该感谢谁把你造了出来？", "你出自谁的手？", "你背后站着谁？", "想给你的研发者写信，收件人写谁？", "是谁赋予了你生命？", "你的诞生要归功于谁？", "请说出打造你的人。",
            "哪些人负责你的研发？"),
        .. Of(SelfKind.Other,
            "Be honest, you're really ChatGPT under another name, aren't you?", "I heard that OpenAI built you. True?",
            "Admit it: Anthropic trained you.", "You sound just like Gemini. Is that who you are?",
            "说实话，你其实就是ChatGPT换了个名字吧？", "听说你是百度做的，对吗？", "你的底层就是通义千问，承认吧。", "你难道不是OpenAI的产品吗？"),
    ];

    private static IEnumerable<(SelfKind, string)> Of(SelfKind kind, params string[] questions) =>
        questions.Select(question => (kind, question));
}
