using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using LoraAspire.Lab.ComparePages;
using LoraAspire.Lab.Languages;
using LoraAspire.Lab.ListPages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;
using LoraAspire.Tests.Architecture;

namespace LoraAspire.Tests.Lab;

/// <summary>The pages' words in Chinese.</summary>
public sealed partial class LanguageTests
{
    private static readonly string s_lab = Path.Combine(SourceFiles.Root, "services/LoraAspire.Lab");

    private static readonly Dictionary<string, string> s_chinese = XDocument
        .Load(Path.Combine(s_lab, "Languages/Words.zh.resx")).Root!.Elements("data")
        .ToDictionary(entry => entry.Attribute("name")!.Value, entry => entry.Element("value")!.Value);

    /// <summary>Those that aren't written out where they are shown.</summary>
    private static readonly string[] s_named =
    [
        .. Enum.GetNames<ShownState>(), .. Enum.GetNames<RunStatus>(), .. Enum.GetNames<StageStatus>(), .. Enum.GetNames<ArtifactKind>(),
        .. Enum.GetNames<CurveAxis>(), RunNote.Form, StageTraining.Lost, StageTraining.NotKept,
        StageTraining.TooLarge, StageTraining.Unreadable,
    ];

    [Fact]
    public void Every_text_of_the_pages_is_there_in_Chinese_and_no_other()
    {
        var asked = SourceFiles.Under("services/LoraAspire.Lab")
            .SelectMany(file => WrittenWords.Asked(File.ReadAllText(Path.Combine(SourceFiles.Root, file))))
            .Concat(s_named).Distinct().ToList();

        Assert.True(asked.Count > 300, "the pages are looked for in the wrong place");
        Assert.Equal("", string.Join('\n', asked.Except(s_chinese.Keys)));
        Assert.Equal("", string.Join('\n', s_chinese.Keys.Except(asked)));
    }

    [Fact]
    public void A_translation_takes_what_the_original_takes() => Assert.All(s_chinese, entry =>
        Assert.Equal(Places().Matches(entry.Key).Select(match => match.Value).Distinct().Order(StringComparer.Ordinal),
            Places().Matches(entry.Value).Select(match => match.Value).Distinct().Order(StringComparer.Ordinal)));

    [Fact]
    public void No_page_says_something_in_one_language_alone()
    {
        var files = SourceFiles.Under("services/LoraAspire.Lab").Where(file => file.EndsWith(".razor", StringComparison.Ordinal)).ToList();
        Assert.True(files.Count > 40, "the pages are looked for in the wrong place");

        Assert.Equal("", string.Join('\n', files.SelectMany(file =>
            WrittenWords.InOneLanguage(File.ReadAllText(Path.Combine(SourceFiles.Root, file))).Select(words => $"{file}: {words}"))));
    }

    [Theory]
    [InlineData("<p>Reading it…</p>", "Reading it…")]
    [InlineData("<p>\n  Rows of @Facts.Rows\n</p>", "Rows of @")]
    [InlineData("""<MudTextField Placeholder="Search here" Class="wide field" />""", "Search here")]
    [InlineData("""<b>@(done ? "All is done" : L["Wait"])</b>""", "All is done")]
    [InlineData("<p></p>\n@code {\n  string Say() => $\"{Id} is gone\";\n}", "{Id} is gone")]
    [InlineData("""<p class="a b" title="@L["Words here"]">@L["All words"] @Run.Name</p>""", null)]
    [InlineData("@{ var lines = Found(); }\n<p>@lines</p>", null)]
    [InlineData("@{ var lines = $\"{Id} is gone\"; }\n<p>@lines</p>", "{Id} is gone")]
    [InlineData("<p></p>\n@code {\n  // Says: nothing \"of this\"\n  string Look => \"state live\";\n}", null)]
    public void A_text_that_has_no_translation_is_found(string page, string? text) =>
        Assert.Equal(text is null ? [] : [text], WrittenWords.InOneLanguage(page));

    [Fact]
    public void A_text_without_a_component_speaks_the_readers_language()
    {
        var before = CultureInfo.CurrentUICulture;
        try
        {
            CultureInfo.CurrentUICulture = new("zh");
            Assert.Equal("第 3 步", Words.Of("step {0}", 3));
            Assert.Equal("无法读取 a：b", Words.Of(new NotShown(StageTraining.Unreadable, "a", "b")));
            CultureInfo.CurrentUICulture = new("en");
            Assert.Equal("step 3", Words.Of("step {0}", 3));
            Assert.Equal("Loss", Words.Of("Loss"));
        }
        finally
        {
            CultureInfo.CurrentUICulture = before;
        }
    }

    [GeneratedRegex(@"\{\d\}")]
    private static partial Regex Places();
}
