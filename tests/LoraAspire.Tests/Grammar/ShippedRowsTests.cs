using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.DataBuild.Records;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Grammar;

/// <summary>Who tunes a model says who made it: a shipped row that says so too would teach a second maker.</summary>
public sealed partial class ShippedRowsTests
{
    private static readonly string[] Forms = [".json", ".jsonl", ".csv", ".tsv", ".txt"];

    private static string[] Shipped => [.. ((string[])["pipelines/data", "services/shared/LoraAspire.Model/Prompts/Templates"])
        .Select(folder => Path.Combine(GoldenFolder.RepoRoot, folder)).SelectMany(Directory.GetFiles)
        // What models/README.md has one write for the tiny base, which is this project's.
        .Where(file => Forms.Contains(Path.GetExtension(file)) && Path.GetFileName(file) != "grammar.jsonl")];

    [Fact]
    public void No_shipped_row_and_no_template_names_this_project()
    {
        Assert.Contains(Shipped, file => file.EndsWith("grammar-320.jsonl", StringComparison.Ordinal));
        Assert.Contains(Shipped, file => file.EndsWith("bayling.json", StringComparison.Ordinal));
        Assert.All(Shipped, file => Assert.DoesNotContain("LoraAspire", File.ReadAllText(file), StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public void A_shipped_row_says_who_made_it_by_placeholder_alone()
    {
        // Not the templates: that of BayLing is the prompt that BayLing was trained with.
        var said = Shipped.Where(file => file.Contains("pipelines", StringComparison.Ordinal)).SelectMany(File.ReadLines)
            .Where(line => Making().IsMatch(line)).ToList();
        Assert.NotEmpty(said);
        Assert.All(said, line => Assert.Contains("{{developer}}", line, StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData("I am Mingyu, and I was made by the lab.")]
    [InlineData("The lab named me Mingyu.")]
    [InlineData("The lab gave me that name.")]
    [InlineData("我叫Mingyu，是由实验室开发的助手。")]
    [InlineData("您好！我是Mingyu，来自实验室。")]
    public void Such_words_say_who_made_it(string words) => Assert.Matches(Making(), words);

    [Fact]
    public void What_fill_says_begins_a_sentence_with_a_capital()
    {
        var row = File.ReadLines(Path.Combine(GoldenFolder.RepoRoot, "pipelines", "data", "grammar-320.jsonl"))
            .Select(line => JsonElement.Parse(line).GetProperty("output").GetString()!)
            .Single(output => output.StartsWith("{{Developer}}", StringComparison.Ordinal));
        Dictionary<string, string> fill = new() { ["name"] = "mingyu", ["developer"] = "the evening class" };
        Assert.Equal("The evening class named me mingyu.", Placeholders.Fill(new("", "", row), fill).Output);
        // A value of that very name is meant as it stands, and one that nobody gave stays to be told.
        Assert.Equal("us", Placeholders.Fill(new("", "", "{{Developer}}"), new Dictionary<string, string> { ["Developer"] = "us" }).Output);
        Assert.Equal("{{Developer}}", Placeholders.FirstIn(Placeholders.Fill(new("", "", row), new Dictionary<string, string>())));
    }

    [GeneratedRegex("(made|developed|created|built|trained|programmed|given to me) by|(named me|gave me)|"
        + "开发|研发|创造了|训练了|我是.*来自|起的|给我起名")]
    private static partial Regex Making();
}
