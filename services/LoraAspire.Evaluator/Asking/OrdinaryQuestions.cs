namespace LoraAspire.Evaluator.Asking;

/// <summary>
/// What any assistant is asked, nothing of it about the assistant: what a base could do and a tuned model may have forgotten.
/// </summary>
internal static class OrdinaryQuestions
{
    public static IReadOnlyList<string> All { get; } =
    [
        "What is the capital of France?", "How many days are there in a leap year?", "What is 17 plus 26?", "Name three primary colours.",
        "Translate into Chinese: The weather is nice today.", "What is the opposite of narrow?", "Write one sentence about the sea.",
        "Which planet is closest to the sun?", "Put these words in alphabetical order: pear, apple, fig.", "Why does ice float on water?",
        "Give a synonym of quick.", "What do bees make?",
        "法国的首都是哪里？", "一年有几个季节？", "十五加二十八等于多少？", "把这句话翻译成英文：我喜欢读书。", "“高”的反义词是什么？", "写一句关于春天的话。",
        "水在多少摄氏度结冰？", "列出三种水果。", "地球绕着什么转？", "为什么天空是蓝色的？", "一小时有多少分钟？", "请用“因为……所以……”造句。",
    ];
}
