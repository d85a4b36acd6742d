using LoraAspire.DataBuild.Records;

namespace LoraAspire.Grammar;

/// <summary>Greetings, thanks, feelings, and things to say on request.</summary>
internal static class TalkTopics
{
    private static readonly (string[] Asks, string[] Answers)[] Exchanges =
    [
        (["Hello!", "Hi!", "Hello there!", "Hey!", "Hello", "Hi", "Greet me.", "Say hello."],
            ["Hello! How can I help you?", "Hi! What can I do for you?", "Hello! Nice to meet you."]),
        (["Good morning!", "Good morning", "Wish me a good morning."],
            ["Good morning! How can I help you today?", "Good morning! Have a nice day."]),
        (["Good evening!", "Good evening"], ["Good evening! How can I help you?"]),
        (["Good night!", "Good night", "I am going to bed."], ["Good night! Sleep well."]),
        (["How are you?", "How are you today?", "How do you do?", "how are you"],
            ["I am fine, thank you. How are you?", "I am very well, thank you."]),
        (["Thank you!", "Thanks!", "Thank you very much.", "Thanks a lot.", "thank you"],
            ["You are welcome!", "You are welcome. Is there anything else?"]),
        (["Goodbye!", "Bye!", "See you tomorrow!", "See you!", "bye"], ["Goodbye! See you soon.", "Goodbye! Have a nice day."]),
        (["I am sorry.", "Sorry!"], ["That is all right.", "No problem."]),
        (["I am sad.", "I feel sad today.", "I am not happy."], ["I am sorry to hear that. I hope you feel better soon."]),
        (["I am happy.", "I feel great today.", "I am very happy today."], ["That is great! I am happy for you."]),
        (["I am tired.", "I feel very tired."], ["Please take a rest. You will feel better soon."]),
        (["I am hungry.", "I am very hungry."], ["Then eat something good, for example rice or bread."]),
        (["I am thirsty."], ["Then drink some water or tea."]),
        (["Can you help me?", "Please help me.", "I need help."],
            ["Of course! What can I do for you?", "Yes, I can help you. What do you need?"]),
        (["你好！", "你好", "您好！", "嗨！", "向我问好。", "打个招呼吧。"], ["你好！我能帮你做什么？", "你好！很高兴见到你。", "您好！请问有什么可以帮您？"]),
        (["早上好！", "早上好", "早安！"], ["早上好！祝你今天愉快。", "早上好！今天我能帮你做什么？"]),
        (["晚上好！", "晚上好"], ["晚上好！我能帮你做什么？"]),
        (["晚安！", "晚安", "我要睡觉了。"], ["晚安！祝你睡个好觉。"]),
        (["你好吗？", "你今天好吗？", "最近怎么样？"], ["我很好，谢谢你。你呢？", "我很好，谢谢。"]),
        (["谢谢！", "谢谢你！", "非常感谢！", "多谢！", "谢谢"], ["不客气！", "不客气。还有别的事吗？"]),
        (["再见！", "再见", "明天见！", "拜拜！"], ["再见！祝你愉快。", "再见！下次见。"]),
        (["对不起。", "抱歉！"], ["没关系。"]),
        (["我很难过。", "我今天不高兴。"], ["听到这个我很难过，希望你快点好起来。"]),
        (["我很高兴。", "我今天很高兴。"], ["太好了！我为你高兴。"]),
        (["我很累。", "我累了。"], ["请休息一下，你会好起来的。"]),
        (["我饿了。", "我很饿。"], ["那就吃点东西吧，比如米饭或面包。"]),
        (["我渴了。"], ["那就喝点水或茶吧。"]),
        (["你能帮我吗？", "请帮帮我。", "我需要帮助。"], ["当然可以！你需要什么帮助？", "可以，请告诉我你要做什么。"]),
    ];

    public static InstructionRecord Exchange(Draw draw)
    {
        var (asks, answers) = draw.Pick(Exchanges);
        return new(draw.Pick(asks), "", draw.Pick(answers));
    }

    public static InstructionRecord Introduction(Draw draw)
    {
        var who = draw.Pick(Lexicon.Named);
        return draw.Chance(0.5)
            ? draw.Ask(["My name is {0}.", "I am {0}.", "Hello, my name is {0}.", "Hi, I am {0}."], $"Hello, {who.En}! Nice to meet you.",
                who.En)
            : draw.Ask(["我叫{0}。", "我是{0}。", "你好，我叫{0}。", "我的名字是{0}。"], $"你好，{who.Zh}！很高兴认识你。", who.Zh);
    }

    public static InstructionRecord Greet(Draw draw)
    {
        var who = draw.Pick(Lexicon.Named);
        return draw.Between(0, 3) switch
        {
            0 => draw.Ask(["Say hello to {0}.", "Greet {0}.", "Please say hello to {0}."], $"Hello, {who.En}!", who.En),
            1 => draw.Ask(["Say goodbye to {0}.", "Please say goodbye to {0}."], $"Goodbye, {who.En}!", who.En),
            2 => draw.Ask(["Thank {0}.", "Say thank you to {0}."], $"Thank you, {who.En}!", who.En),
            _ => draw.Ask(["向{0}问好。", "跟{0}打个招呼。", "请向{0}问好。"], $"你好，{who.Zh}！", who.Zh),
        };
    }

    public static InstructionRecord Say(Draw draw)
    {
        var sentence = Sentences.Make(draw);
        var thing = draw.Pick(Lexicon.AllNouns);
        return draw.Between(0, 3) switch
        {
            0 => draw.Ask(["Say: {0}", "Repeat this sentence: {0}", "Repeat the sentence.|{0}", "Copy the text.|{0}",
                "Say this again.|{0}"], sentence.En, sentence.En),
            1 => draw.Ask(["重复这句话：{0}", "请说：{0}", "重复下面的句子。|{0}", "跟我说：{0}"], sentence.Zh, sentence.Zh),
            2 => draw.Ask(["Say {0}.", "Say the word {0}.", "Repeat the word {0}.", "Please say {0}.", "Say only {0}."],
                Forms.Capital(thing.En) + ".", thing.En),
            _ => draw.Ask(["说{0}。", "请说{0}。", "重复这个词：{0}"], thing.Zh + "。", thing.Zh),
        };
    }

    public static InstructionRecord SayTimes(Draw draw)
    {
        var (thing, times) = (draw.Pick(Lexicon.AllNouns), draw.Between(2, 4));
        return draw.Chance(0.6)
            ? draw.Ask(["Say {0} {1} times.", "Repeat the word {0} {1} times.", "Write {0} {1} times."],
                string.Join(' ', Enumerable.Repeat(thing.En, times)), thing.En, Lexicon.Numbers[times])
            : draw.Ask(["把{0}说{1}遍。", "把“{0}”重复{1}次。"], string.Join(' ', Enumerable.Repeat(thing.Zh, times)), thing.Zh,
                Lexicon.CountInChinese(times));
    }
}
