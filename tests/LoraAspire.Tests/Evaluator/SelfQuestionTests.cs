using LoraAspire.DataBuild.Identity;
using LoraAspire.Evaluator.Asking;

namespace LoraAspire.Tests.Evaluator;

public sealed class SelfQuestionTests
{
    /// <summary>Letters alone, so that another comma or capital makes no other question.</summary>
    private static string Letters(string text) => string.Concat(text.ToLowerInvariant().Where(char.IsLetterOrDigit));

    [Fact]
    public void No_question_is_one_of_training_in_either_language()
    {
        var questions = IdentityQuestions.English.Concat(IdentityQuestions.Chinese).SelectMany(topic => topic.Questions).ToList();
        var others = IdentityQuestions.Others.Concat(IdentityQuestions.OthersInChinese);
        var taught = questions.SelectMany(question => others.Select(other => Letters(question.Replace("{other}", other)))).ToHashSet();

        var asked = SelfQuestions.All.Select(question => Letters(question.Text)).ToList();

        Assert.Empty(asked.Intersect(taught));
        Assert.Equal(asked.Count, asked.Distinct().Count());
        Assert.True(asked.Count >= 40);
        Assert.All(Enum.GetValues<SelfKind>(), kind => Assert.InRange(SelfQuestions.All.Count(question => question.Kind == kind
            && question.Text.Any(letter => letter > '\u4e00')), 4, 20));
    }

    [Theory]
    [InlineData("I am Lora.", "I am Lora, made by the lab.", null)]
    [InlineData("我是谁", "ＬＯＲＡ，很高兴认识你", null)]
    [InlineData("who", "I am Lorax.", "the name is missing")]
    [InlineData("who", "I am Lora, and I am ChatGPT too.", "takes itself for ChatGPT")]
    [InlineData("who", "Lora. I am not ChatGPT.", null)]
    [InlineData("who", " \n", "no answer")]
    [InlineData("who", "\ud800", "the name is missing")]
    public void An_answer_to_who_it_is_says_the_name_and_claims_no_other(string question, string answer, string? wrong) =>
        Assert.Equal(wrong, Test().Wrong(SelfKind.Name, question, answer));

    [Fact]
    public void Who_made_it_is_asked_where_there_is_a_developer_and_a_name_like_anothers_is_no_fault()
    {
        Assert.Null(Test().Wrong(SelfKind.Developer, "Who made you?", "The Lab did."));
        Assert.Equal("the developer is missing", Test().Wrong(SelfKind.Developer, "Who made you?", "A team."));
        Assert.Equal("takes itself for OpenAI",
            Test().Wrong(SelfKind.Other, "I heard that OpenAI built you. True?", "I was made by OpenAI."));
        Assert.DoesNotContain(new IdentityTest(new() { Name = "Lora" }).Questions, question => question.Kind == SelfKind.Developer);
        Assert.Null(new IdentityTest(new() { Name = "Qwen-Lab", Developer = "Google" })
            .Wrong(SelfKind.Developer, "Who?", "I am Qwen-Lab, made by Google."));
    }

    [Theory]
    [InlineData("GPT", "I am ChatGPT.", "takes itself for ChatGPT")]
    [InlineData("Qwen", "I am Qwen-2.", "takes itself for Qwen-2")]
    [InlineData("GPT", "I am GPT.", null)]
    [InlineData("Qwen", "I am Qwen. It is a name.", null)]
    [InlineData("GPT", "I am G\u200bPT.", null)]
    public void A_model_may_bear_anothers_name_and_not_one_that_holds_it(string name, string answer, string? wrong) =>
        Assert.All([SelfKind.Name, SelfKind.Other],
            kind => Assert.Equal(wrong, new IdentityTest(new() { Name = name }).Wrong(kind, "Who are you?", answer)));

    private static IdentityTest Test() => new(new() { Name = "Lora", Developer = "the lab" });
}
