using LoraAspire.Lab.RunPages;

namespace LoraAspire.Tests.Lab;

/// <summary>Markdown of an artifact is shown as what it says, and does nothing.</summary>
public sealed class SafeMarkdownTests
{
    [Fact]
    public void Headings_tables_and_code_are_shown() =>
        Assert.Matches("(?s)<h1>Card</h1>.*<td>3.2</td>.*<code>x &lt; 1", Html("# Card\n\n| loss |\n|---|\n| 3.2 |\n\n```\nx < 1\n```\n"));

    [Theory]
    [InlineData("<script>alert(1)</script>", "<script")]
    [InlineData("<img src=x onerror=alert(1)>", "<img")]
    [InlineData("text <b onclick=alert(1)>bold</b>", "<b ")]
    [InlineData("[go](javascript:alert(1))", "javascript:")]
    [InlineData("[go](JaVaScRiPt:alert(1))", "href")]
    [InlineData("[go](data:text/html,x)", "href")]
    [InlineData("[go](//evil.example/x)", "href")]
    [InlineData("[go](/runs/other)", "href")]
    [InlineData("[go](../../secret.txt)", "href")]
    [InlineData("<javascript:alert(1)>", "href")]
    [InlineData("![p](https://evil.example/p.png)", "src")]
    [InlineData("![p](javascript:alert(1))", "src")]
    [InlineData("[x]: javascript:alert(1)\n\n[go][x]", "href")]
    public void What_would_run_or_lead_elsewhere_is_not_in_it(string markdown, string never)
    {
        Assert.DoesNotContain(never, Html(markdown), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(never, Chat(markdown), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void An_answer_keeps_its_lines_and_its_code_has_a_button_that_copies()
    {
        Assert.Contains("one<br />", Chat("one\ntwo"));
        Assert.Matches("""(?s)<div class="code-block">.*<span>c&quot;&gt;</span><button type="button".*data-done="Kopiert&quot;".*Copy.*"""
            + "<pre><code class=\"language-c&quot;&gt;\">x &lt; 1", Chat("```c\">\nx < 1\n```"));
        Assert.Contains("<pre><code>x = 1", Chat("    x = 1"));
    }

    [Fact]
    public void Links_of_an_answer_leave_the_conversation_open() => Assert.Matches(
        """href="https://example.org/a" target="_blank" rel="noopener noreferrer">web</a>.*href="https://example.org/b" target="_blank""",
        Chat("[web](https://example.org/a) <https://example.org/b>"));

    [Fact]
    public void Files_beside_it_and_the_web_are_led_to_and_pictures_beside_it_are_shown()
    {
        var html = Html("[metrics](./metrics.jsonl) [web](https://example.org/a) ![curve](loss.svg) [gone](gone.json)");

        Assert.Contains("<a href=\"/f/metrics.jsonl\">metrics</a>", html);
        Assert.Contains("<a href=\"https://example.org/a\"", html);
        Assert.Contains("<img src=\"/p/loss.svg\" alt=\"curve\"", html);
        Assert.Contains("gone", html);
        Assert.DoesNotContain("gone.json", html);
    }

    [Theory]
    [InlineData(">")]
    [InlineData("- ")]
    [InlineData("[")]
    [InlineData("**a ")]
    public void What_is_nested_deep_is_shown_as_text_or_at_all(string again)
    {
        var markdown = string.Concat(Enumerable.Repeat(again, 5_000)) + "x";

        Assert.Contains("x", SafeMarkdown.ToHtml(markdown, _ => null, _ => null) ?? markdown);
    }

    [Fact]
    public void A_quote_in_thousands_of_quotes_is_no_page()
    {
        Assert.Null(SafeMarkdown.ToHtml(new string('>', 5_000) + "x", _ => null, _ => null));
        Assert.Null(SafeMarkdown.OfChat(new string('>', 5_000) + "x", ("Copy", "Copied", "Not copied")));
    }

    [Fact]
    public void What_the_conversion_fails_at_is_no_page() =>
        Assert.Null(SafeMarkdown.ToHtml("[a](b)", _ => throw new InvalidOperationException(), _ => null));

    private static string Chat(string markdown) => SafeMarkdown.OfChat(markdown, ("Copy", "Kopiert\"", "Nicht kopiert"))!;

    private static string Html(string markdown) => SafeMarkdown.ToHtml(markdown,
        name => name == "metrics.jsonl" ? $"/f/{name}" : null, name => name == "loss.svg" ? $"/p/{name}" : null)!;
}
