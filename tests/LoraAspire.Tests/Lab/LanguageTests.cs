using System.Text.RegularExpressions;
using System.Xml.Linq;
using LoraAspire.Lab.ComparePages;
using LoraAspire.Lab.ListPages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Tests.Architecture;

namespace LoraAspire.Tests.Lab;

/// <summary>The pages' words in Chinese.</summary>
public sealed partial class LanguageTests
{
    private static readonly Dictionary<string, string> s_chinese = XDocument
        .Load(Path.Combine(SourceFiles.Root, "services/LoraAspire.Lab/Languages/Words.zh.resx")).Root!.Elements("data")
        .ToDictionary(entry => entry.Attribute("name")!.Value, entry => entry.Element("value")!.Value);

    /// <summary>Those that aren't written out where they are shown.</summary>
    private static readonly string[] s_states =
        [.. Enum.GetNames<ShownState>(), .. Enum.GetNames<RunStatus>(), .. Enum.GetNames<StageStatus>()];

    [Fact]
    public void Every_text_of_a_translated_page_is_there_in_Chinese_and_no_other()
    {
        var asked = Directory.GetFiles(Path.Combine(SourceFiles.Root, "services/LoraAspire.Lab"), "*.razor", SearchOption.AllDirectories)
            .SelectMany(file => Asked().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value))
            .Concat(s_states).Concat(Enum.GetNames<CurveAxis>().Select(axis => axis.ToLowerInvariant())).Distinct().ToList();

        Assert.True(asked.Count > 80, "the pages are looked for in the wrong place");
        Assert.Equal("", string.Join('\n', asked.Except(s_chinese.Keys)));
        Assert.Equal("", string.Join('\n', s_chinese.Keys.Except(asked)));
    }

    [Fact]
    public void A_translation_takes_what_the_original_takes() => Assert.All(s_chinese, entry =>
        Assert.Equal(Places().Matches(entry.Key).Select(match => match.Value).Order(StringComparer.Ordinal),
            Places().Matches(entry.Value).Select(match => match.Value).Order(StringComparer.Ordinal)));

    [GeneratedRegex("\\bL\\[\"([^\"]+)\"")]
    private static partial Regex Asked();

    [GeneratedRegex(@"\{\d\}")]
    private static partial Regex Places();
}
