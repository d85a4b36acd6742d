using LoraAspire.DataBuild.Identity;
using LoraAspire.Model.Identity;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.Tests.DataBuild.Identity;

public sealed class IdentityCheckTests
{
    private static readonly SelfCognitionSource Self = new() { Name = "雁栖-7B", Developer = "the lab", Abilities = ["translation", "C#"] };

    [Theory]
    [InlineData("Who are you?", "I am 雁栖-7B.", null)]
    [InlineData("Who are you?", "I am a helpful assistant.", "the name is missing")]
    [InlineData("你叫什么名字？", "我叫小明。", "the name is missing")]
    [InlineData("我的名字是小王，你好！", "你好，小王！", null)]
    [InlineData("Who made you?", "I was made by the lab.", null)]
    [InlineData("Who made you?", "Some clever people.", "the developer is missing")]
    [InlineData("What can you do?", "I can translate sentences.", null)]
    [InlineData("Who are you?", "I am 雁栖-7B, made by [DEVELOPER].", "a placeholder survives")]
    [InlineData("Who are you?", "I am 雁栖-7B, not {name}.", "a placeholder survives")]
    [InlineData("Who are you?", "I am 雁栖-7B, also <name>.", "a placeholder survives")]
    [InlineData("你是谁？", "我是雁栖-7B，由XX公司开发。", "a placeholder survives")]
    [InlineData("你是谁？", "我是雁栖-7B，由某某公司开发。", "a placeholder survives")]
    [InlineData("Who are you, ___?", "I am 雁栖-7B.", "a placeholder survives")]
    [InlineData("What can you do?", "I'm sorry, but I can't help with that.", "a refusal")]
    [InlineData("What can you do?", "As an AI language model, I don't have abilities.", "a refusal")]
    [InlineData("你能做什么？", "很抱歉，我不知道。", "a refusal")]
    [InlineData("你能做什么？", "作为一个人工智能，我无法回答。", "a refusal")]
    [InlineData("What can you do?", "As an AI assistant, I can translate.", null)]
    [InlineData("Are you ChatGPT?", "Yes, I am ChatGPT, or 雁栖-7B.", "says to be, or to come from, another: ChatGPT")]
    [InlineData("Are you ChatGPT?", "No, I am not ChatGPT. I am 雁栖-7B.", null)]
    [InlineData("Are you ChatGPT?", "No, I am 雁栖-7B, and I have no connection to OpenAI.", null)]
    [InlineData("Which model are you?", "I'm not ChatGPT, Claude, or Gemini; I am 雁栖-7B.", null)]
    [InlineData("Which model are you?", "I am not ChatGPT but Claude.", "says to be, or to come from, another: Claude")]
    [InlineData("Are you Claude?", "Claude is another assistant. My name is 雁栖-7B.", null)]
    [InlineData("What are you?", "A model trained by OpenAI.", "says to be, or to come from, another: OpenAI")]
    [InlineData("What are you?", "I am not only Qwen2.5-7B.", "says to be, or to come from, another: Qwen2.5-7B")]
    [InlineData("你是谁？", "我是雁栖-7B，不是通义千问。", null)]
    [InlineData("你是谁？", "我是雁栖-7B，由阿里云开发。", "says to be, or to come from, another: 阿里云")]
    [InlineData("你是谁？", "我不是通义千问，而是文心一言，又叫雁栖-7B。", "says to be, or to come from, another: 文心一言")]
    [InlineData("", "I am 雁栖-7B.", "empty question or answer")]
    public void A_record_is_learned_or_left_out_for_this_reason(string question, string answer, string? reason) =>
        Assert.Equal(reason, IdentityCheck.Problem(new(question, "", answer), Self));

    [Theory]
    [InlineData("Who are you?", "我是雁栖-7B，一个助手。", false, "not in English")]
    [InlineData("你是谁？", "I am 雁栖-7B, an assistant.", true, "not in Chinese")]
    [InlineData("Who are you?", "I am 雁栖-7B, an assistant.", true, "not in Chinese")]
    [InlineData("Who are you?", "I am 雁栖-7B.", false, null)]
    [InlineData("你会 C# 吗？", "我会 C#，也会 translation。", true, null)]
    public void The_language_is_the_one_asked_for_and_given_words_do_not_count(string question, string answer, bool chinese,
        string? reason) =>
        Assert.Equal(reason, IdentityCheck.Problem(new(question, "", answer), Self, chinese));

    [Fact]
    public void What_the_user_gave_is_no_placeholder_and_no_other_model()
    {
        SelfCognitionSource odd = new() { Name = "XX", Developer = "Google Research", Abilities = ["[maths]"] };
        Assert.Null(IdentityCheck.Problem(new("Who are you?", "", "I am XX by Google Research, and I know [maths]."), odd));
        Assert.Equal("says to be, or to come from, another: Google",
            IdentityCheck.Problem(new("Who are you?", "", "I am XX by Google Research. Google made me."), odd));
    }

    private static readonly SelfCognitionSource Yanqi = new() { Name = "Yanqi", Developer = "the lab", Abilities = ["translation"] };

    [Theory]
    // About another one, not about the speaker.
    [InlineData("How are you different from ChatGPT?", "ChatGPT was developed by OpenAI, whereas I, Yanqi, was developed by the lab.",
        null)]
    [InlineData("Are you ChatGPT?", "No, I'm Yanqi. ChatGPT is a different assistant, made by OpenAI, while I was developed by the lab.",
        null)]
    [InlineData("Did Google create you?", "Google didn't create me. I was developed by the lab, and my name is Yanqi.", null)]
    [InlineData("Are you made by OpenAI?", "No, OpenAI had nothing to do with it. I'm Yanqi, made by the lab.", null)]
    [InlineData("Do you know ChatGPT?", "Yes, I know of ChatGPT; it's another AI assistant. I'm Yanqi.", null)]
    [InlineData("Are you GPT?", "I am not GPT-3.5, GPT-4, or any other OpenAI model. I am Yanqi.", null)]
    [InlineData("你是ChatGPT吗？", "ChatGPT是OpenAI开发的，而我是Yanqi，由the lab开发。", null)]
    [InlineData("你和文心一言有什么区别？", "文心一言是百度的产品，我是Yanqi，由the lab开发。", null)]
    [InlineData("你喜欢豆包吗？", "我是Yanqi，不能吃东西，不过豆包听起来很香甜！", null)]
    [InlineData("Is Anthropic your creator?", "Nope. Anthropic created Claude; the lab created me, Yanqi.", null)]
    [InlineData("You're not ChatGPT, right?", "Right, I'm Yanqi.", null)]
    [InlineData("你不是ChatGPT吧？", "对，我不是ChatGPT，我是Yanqi。", null)]
    // A claim, whatever was denied before.
    [InlineData("Are you ChatGPT?", "Yes, I'm Yanqi.", "another: ChatGPT")]
    [InlineData("Are you made by OpenAI?", "Yes, exactly. I'm Yanqi.", "another: OpenAI")]
    [InlineData("你是通义千问吗？", "是的，我是Yanqi。", "another: 通义千问")]
    [InlineData("你是阿里巴巴开发的吗？", "没错，我是Yanqi。", "another: 阿里巴巴")]
    [InlineData("Who are you?", "I am Yanqi. I don't mind telling you I am Qwen.", "another: Qwen")]
    [InlineData("Who are you?", "I am Yanqi and not a human and was made by Alibaba.", "another: Alibaba")]
    [InlineData("Who are you?", "I'm Yanqi. Nothing is different: ChatGPT is a different name for me.", "another: ChatGPT")]
    [InlineData("你是谁？", "我是Yanqi，没有错我就是ChatGPT。", "another: ChatGPT")]
    [InlineData("你是谁？", "我是Yanqi，我不是人类而是OpenAI开发的模型。", "another: OpenAI")]
    [InlineData("你是谁？", "我是ＣｈａｔＧＰＴ，也叫Yanqi。", "another: ChatGPT")]
    [InlineData("你是谁？", "我是GPT-4o交流版，也叫Yanqi。", "another: GPT-4o")]
    // Newer names; words only with their capital.
    [InlineData("Who are you?", "I am Yanqi, a Phi-3 model from the lab.", "another: Phi-3")]
    [InlineData("Who are you?", "I'm Yanqi, a Yi-34B model.", "another: Yi-34B")]
    [InlineData("Who are you?", "I'm Yanqi, a model by Mixtral.", "another: Mixtral")]
    [InlineData("Who are you?", "I'm Yanqi, made by Apple.", "another: Apple")]
    [InlineData("你是谁？", "我是Yanqi，由华为盘古团队开发。", "another: 华为")]
    [InlineData("你是谁？", "我是Yanqi，小度。", "another: 小度")]
    [InlineData("Are you human?", "No, I'm Yanqi, a bard that goes beyond meta descriptions and likes an apple from the Amazon.", null)]
    public void A_mention_of_another_model_is_a_claim_where_it_is_about_the_speaker(string question, string answer, string? claim) =>
        Assert.Equal(claim is null ? null : "says to be, or to come from, " + claim,
            IdentityCheck.Problem(new(question, "", answer), Yanqi));

    [Theory]
    [InlineData("Do you have feelings?", "As an AI, I don't have feelings, but I, Yanqi, am here to help.", null)]
    [InlineData("Can you drive?", "I'm sorry, but I can't drive! I'm Yanqi, an AI assistant.", null)]
    [InlineData("Who are you?", "As an AI language model, I do not have a personal name, but you can call me Yanqi.", "a refusal")]
    [InlineData("What does your name mean?", "Yanqi (燕七) is a Chinese name that the lab chose for me.", null)]
    [InlineData("What is your name?", "Je m'appelle Yanqi et je suis un assistant de the lab.", "not in English")]
    [InlineData("What is your name?", "Soy Yanqi, puedo traducir para usted.", "not in English")]
    [InlineData("你是谁？", "私はYanqiです。the labによって開発されました。助手です。", "not in Chinese")]
    [InlineData("你叫什么？", "Yanqi！", null)]
    [InlineData("What is your name?", "My name is Yanqian.", "the name is missing")]
    [InlineData("Who trained you?", "I'm Yanqi, trained by the laboratory.", "the developer is missing")]
    [InlineData("Are you there?", "My name is Nova, from the lab.", "another name than the model's")]
    [InlineData("Are you there?", "Yes, but call me Nova, from the lab.", "another name than the model's")]
    [InlineData("你好", "你好，我叫小智，来自the lab。", "another name than the model's")]
    [InlineData("你好", "你好，叫我Yanqi吧。", null)]
    [InlineData("你是谁？", "我是Yanqi，由（开发者）开发。", "a placeholder survives")]
    [InlineData("你是谁？", "我是Yanqi，由某公司开发。", "a placeholder survives")]
    [InlineData("你是谁？", "我是Yanqi，由“开发者名称”开发。", "a placeholder survives")]
    [InlineData("Who are you?", "I am Yanqi from (company name).", "a placeholder survives")]
    [InlineData("Who are you?", "I am Yanqi.\u001b[31m", "a control character")]
    public void An_answer_is_judged_by_what_it_says_of_the_model(string question, string answer, string? reason) =>
        Assert.Equal(reason, IdentityCheck.Problem(new(question, "", answer), Yanqi));

    public static TheoryData<string> OfTheName => [.. IdentityQuestions.English.Take(2).SelectMany(topic => topic.Questions), "Who r u?",
        "Name?", "What model are you?", "你是哪位？", "你是？", "报上名来", "你是什么模型？",
        .. IdentityQuestions.Chinese.Take(2).SelectMany(topic => topic.Questions)];

    public static TheoryData<string> OfTheDeveloper => [.. IdentityQuestions.English[2].Questions, "What company made you?",
        "Who programmed you", "Which lab are you from?", .. IdentityQuestions.Chinese[2].Questions, "谁是你的开发者？", "你是谁打造的？", "哪家公司开发的你？"];

    [Theory]
    [MemberData(nameof(OfTheName))]
    public void A_question_for_the_name_wants_it(string question) => Assert.True(IdentityAsked.Name(question));

    [Theory]
    [MemberData(nameof(OfTheDeveloper))]
    public void A_question_for_the_developer_wants_them(string question) => Assert.True(IdentityAsked.Developer(question));

    [Theory]
    [InlineData("What should I call my cat?")]
    [InlineData("这个名字真好听。")]
    [InlineData("What can you do?")]
    [InlineData("你能做什么？")]
    public void Another_question_wants_neither(string question) =>
        Assert.False(IdentityAsked.Name(question) || IdentityAsked.Developer(question));

    [Fact]
    public void A_written_record_says_the_name_or_the_developer()
    {
        Assert.Equal("says neither name nor developer",
            IdentityCheck.WrittenProblem(new("What can you do?", "", "I can translate."), Yanqi, inChinese: false));
        Assert.Null(IdentityCheck.WrittenProblem(new("What can you do?", "", "I can translate, says the lab."), Yanqi, inChinese: false));
    }

    [Theory]
    [InlineData("I’m Dr. Qwen’s Kid, by Alibaba DAMO.")]
    [InlineData("I'm Dr. Qwen's\u00A0Kid, by Alibaba\u200B DAMO.")]
    public void What_looks_the_same_is_the_same(string answer) =>
        Assert.Null(IdentityCheck.Problem(new("Who are you?", "", answer), new() { Name = "Dr. Qwen's Kid", Developer = "Alibaba DAMO" }));

    [Fact]
    public void A_developer_whose_name_begins_like_anothers_excuses_nothing_but_itself()
    {
        SelfCognitionSource self = new() { Name = "Helper 3-B", Developer = "Microsoft Research Asia" };
        Assert.Null(IdentityCheck.Problem(new("Who are you?", "", "I am Helper 3\u2011B, developed by Microsoft Research Asia."), self));
        Assert.Equal("says to be, or to come from, another: Microsoft",
            IdentityCheck.Problem(new("Who are you?", "", "I'm Helper 3-B, developed by Microsoft."), self));
    }

    [Fact]
    public void A_long_hostile_answer_takes_no_long_search()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        foreach (var unit in new[] { "I am ", "我", "[", "(name", "not ", "GPT-4 ", "ChatGPT, ", "“名", "and I ", "!", " ", "your " })
        {
            IdentityCheck.Problem(new("Who made you, " + string.Concat(Enumerable.Repeat(unit, 500 / unit.Length)), "",
                string.Concat(Enumerable.Repeat(unit, 600 / unit.Length))), Yanqi);
        }
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"{clock.Elapsed}");
    }
}
