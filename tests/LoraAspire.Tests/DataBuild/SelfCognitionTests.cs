using LoraAspire.DataBuild.Identity;
using LoraAspire.DataBuild.Written;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Tests.DataBuild;

public sealed class SelfCognitionTests
{
    private static readonly SelfCognitionSource Self = new() { Name = "Mingyu", Developer = "the evening class", Abilities = ["translation"], Languages = ["Chinese", "English"] };

    private static Identity Identity(bool inChinese) => new(Self.Name, Self.Developer, Self.Abilities, Self.Languages, inChinese);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_bank_has_sixty_question_forms_with_several_answers_and_all_pass_the_check(bool inChinese)
    {
        var topics = inChinese ? IdentityQuestions.Chinese : IdentityQuestions.English;
        Assert.True(topics.SelectMany(topic => topic.Questions).Distinct().Count() >= 60);
        Assert.All(topics, topic => Assert.True(topic.Answers.Distinct().Count() >= 3));
        Assert.All(Identity(inChinese).All(), record => Assert.Null(IdentityCheck.Problem(record, Self)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_is_asked_of_what_was_not_given(bool inChinese)
    {
        var bare = Identity(inChinese) with { Abilities = [], Languages = [] };
        Assert.All(bare.All(), record => Assert.DoesNotContain("{", record.Output + record.Instruction));
        Assert.DoesNotContain(bare.All(), record => record.Instruction.Contains(inChinese ? "语言和你交流" : "languages do you speak") || record.Instruction.Contains(inChinese ? "你能做什么" : "What can you do"));
    }

    [Theory]
    [InlineData("[NAME]")]
    [InlineData("{name}")]
    public async Task A_name_that_was_never_filled_in_is_refused(string name) =>
        Assert.Contains("looks like a placeholder", await new StageRun().FailureAsync(StageRun.With(new DataSource { SelfCognition = Self with { Name = name } })));
}
