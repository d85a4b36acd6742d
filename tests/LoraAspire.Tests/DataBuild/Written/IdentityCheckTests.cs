using LoraAspire.DataBuild.Identity;
using LoraAspire.DataBuild.Written;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Tests.DataBuild.Written;

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
    public void The_language_is_the_one_asked_for_and_given_words_do_not_count(string question, string answer, bool chinese, string? reason) =>
        Assert.Equal(reason, IdentityCheck.Problem(new(question, "", answer), Self, chinese));

    [Fact]
    public void What_the_user_gave_is_no_placeholder_and_no_other_model()
    {
        SelfCognitionSource odd = new() { Name = "XX", Developer = "Google Research", Abilities = ["[maths]"] };
        Assert.Null(IdentityCheck.Problem(new("Who are you?", "", "I am XX by Google Research, and I know [maths]. Google made me."), odd));
    }
}
