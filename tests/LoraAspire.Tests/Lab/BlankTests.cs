using System.Text.RegularExpressions;
using LoraAspire.Tests.Architecture;

namespace LoraAspire.Tests.Lab;

/// <summary>Razor drops blanks on both sides of its code, also one that a text there begins with: words run together.</summary>
public sealed partial class BlankTests
{
    [Fact]
    public void No_page_leaves_a_blank_between_words_to_where_Razor_drops_it()
    {
        var pages = SourceFiles.Under("services/LoraAspire.Lab").Where(file => file.EndsWith(".razor", StringComparison.Ordinal)).ToList();

        Assert.True(pages.Count > 50, "the pages are looked for in the wrong place");
        Assert.DoesNotContain(pages, file => Dropped().IsMatch(File.ReadAllText(Path.Combine(SourceFiles.Root, file))));
    }

    [Theory]
    [InlineData("@if (many)\n{\n  <text> @L[\"and {0} more\", 2]</text>\n}", true)]
    [InlineData("@L[\"As files:\"]\n@foreach (var file in files)\n{\n  <a>@file</a>\n}", true)]
    [InlineData("@L[\"As files:\"]\n@foreach (var file in files)\n{\n  @(\" \")\n  <a>@file</a>\n}", false)]
    [InlineData("@if (many)\n{\n  @(\" \" + L[\"and {0} more\", 2])\n}", false)]
    public void What_is_dropped_is_told_from_what_stays(string page, bool dropped) => Assert.Equal(dropped, Dropped().IsMatch(page));

    /// <summary>A text that begins with a blank, or what ends with a colon before code whose first words bring no blank.</summary>
    [GeneratedRegex("""<text> |@L\["[^"]*:"[^\]]*\]\s*@(if|for|foreach|switch)\b[^\n]*\n\s*\{\s*(?!\s|@\(" ")""")]
    private static partial Regex Dropped();
}
