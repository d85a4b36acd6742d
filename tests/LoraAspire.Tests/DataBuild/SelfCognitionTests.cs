using LoraAspire.DataBuild.Identity;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.Tests.DataBuild;

public sealed class SelfCognitionTests
{
    private static readonly SelfCognitionSource Self =
        new() { Name = "Mingyu", Developer = "the evening class", Abilities = ["translation"], Languages = ["Chinese", "English"] };

    private static IdentityBank Bank(bool inChinese) => new(Self, inChinese);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_bank_has_sixty_question_forms_with_several_answers_and_all_pass_the_check(bool inChinese)
    {
        var topics = inChinese ? IdentityQuestions.Chinese : IdentityQuestions.English;
        Assert.True(topics.SelectMany(topic => topic.Questions).Distinct().Count() >= 60);
        Assert.All(topics, topic => Assert.True(topic.Answers.Distinct().Count() >= 3));
        Assert.All(Bank(inChinese).All(), record => Assert.Null(IdentityCheck.Problem(record, Self)));
    }

    [Theory]
    [InlineData("GPT-4o", "OpenAI fans")]
    [InlineData("Llama-Chat", "Meta Study Group")]
    [InlineData("Claude", "the lab")]
    [InlineData("小雁", "北京语言大学")]
    [InlineData("The lab", "the lab")]
    [InlineData("Helper 3-B", "Microsoft Research Asia")]
    [InlineData("Dr. Qwen’s Kid", "Alibaba DAMO")]
    [InlineData("My.Bot_2000", "ACME (R&D) Ltd.")]
    [InlineData("Al", "Bob")]
    [InlineData("XX", "某某实验室")]
    [InlineData("______", "Yes we can")]
    [InlineData("Sorry", "GPT")]
    [InlineData("是的", "没错公司")]
    [InlineData("No", "I")]
    public void The_bank_passes_the_check_with_any_name(string name, string developer)
    {
        var odd = Self with { Name = name, Developer = developer, Abilities = ["GPT-4 style chat", "[text] editing", "a"] };
        Assert.All(new[] { false, true }.SelectMany(inChinese => new IdentityBank(odd, inChinese).All()),
            record => Assert.Null(IdentityCheck.Problem(record, odd)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_is_asked_of_what_was_not_given(bool inChinese)
    {
        IdentityBank bare = new(Self with { Abilities = [], Languages = [] }, inChinese);
        Assert.All(bare.All(), record => Assert.DoesNotContain("{", record.Output + record.Instruction));
        Assert.DoesNotContain(bare.All(), record => record.Instruction.Contains(inChinese ? "语言和你交流" : "languages do you speak")
            || record.Instruction.Contains(inChinese ? "你能做什么" : "What can you do"));
    }

    [Fact]
    public async Task A_name_that_holds_every_other_one_is_asked_about_none_and_spaces_around_words_go()
    {
        var run = await new StageRun()
            .RunAsync(StageRun.With(new SelfCognitionSource
            {
                Name = " ChatGPT GPT-4 Claude Gemini Llama Siri Alexa Bing ",
                Developer = "us",
                Abilities = ["translation ", ""]
            }));
        var texts = await File.ReadAllTextAsync(Path.Combine(run.Dataset, "report.md"), TestContext.Current.CancellationToken);
        Assert.Contains("self_cognition", texts);
        using var rows = LoraAspire.Model.Data.InstructionDataset.Open(run.Dataset);
        Assert.True(rows.Count > 100);
    }

    [Theory]
    [InlineData("[NAME]")]
    [InlineData("{name}")]
    public async Task A_name_that_was_never_filled_in_is_refused(string name) =>
        Assert.Contains("looks like a placeholder", await new StageRun().FailureAsync(StageRun.With(Self with { Name = name })));
}
