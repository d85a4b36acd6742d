using LoraAspire.ChatClients;
using LoraAspire.DataBuild.Written;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.Tests.DataBuild.Written;

/// <summary>
/// What was written is found again by the words of the request: where they change, everybody's cached items are lost and are paid for once
/// more. Whoever changes them on purpose changes these digests.
/// </summary>
public sealed class RequestWordsTests
{
    private static readonly SelfCognitionSource Bare = new() { Name = "Yanqi", Developer = "the lab" };

    private static readonly SelfCognitionSource Full = Bare with
    {
        Name = "雁栖 {{developer}} \"7B\"",
        Developer = "R&D {{name}} <team>\\实验室",
        Abilities = ["translate", "write {{languages}}"],
        Languages = ["English", "中文"],
    };

    private static readonly string[] Given = [.. Enumerable.Range(0, 12).Select(i => $"Say [input] in [tgt_lang] {{{{what}}}} {i}.")];

    private static readonly Dictionary<string, Assignment> Assignments = new()
    {
        ["English"] = new IdentityAssignment(Bare, InChinese: false, 1),
        ["English, all facts"] = new IdentityAssignment(Full, InChinese: false, 1),
        ["Chinese"] = new IdentityAssignment(Bare, InChinese: true, 1),
        ["Chinese, all facts"] = new IdentityAssignment(Full, InChinese: true, 1),
        ["templates"] = new TemplateAssignment("t", "translating {{rule}} [src_lang]", Given, ["src_lang"], 1),
        ["templates without placeholders"] = new TemplateAssignment("t", "greeting", ["Say hello."], [], 1),
    };

    [Theory]
    [InlineData("English", "9fd03a8468937519")]
    [InlineData("English, all facts", "e330e834b2ad4978")]
    [InlineData("Chinese", "29dea2c386cf3bd9")]
    [InlineData("Chinese, all facts", "ee36711c96887b41")]
    [InlineData("templates", "b6cb61ad0a1f4ccc")]
    [InlineData("templates without placeholders", "1c6debc773cd858c")]
    public void What_is_in_caches_is_found_again(string which, string digest)
    {
        var assignment = Assignments[which];
        Assert.Equal(digest, ItemCache.KeyOf(assignment.System(bySchema: false), assignment.System(bySchema: true), assignment.Task)[..16]);
    }
}
