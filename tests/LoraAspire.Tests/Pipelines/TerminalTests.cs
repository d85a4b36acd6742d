using System.Globalization;
using LoraAspire.Pipelines.Terminal;

namespace LoraAspire.Tests.Pipelines;

public sealed class TerminalTests
{
    [Theory]
    [InlineData("plain, 你好 😀\n\tnext", "plain, 你好 😀\n\tnext")]
    [InlineData("\u001b[31mred\u001b]0;title\u0007", "␛[31mred␛]0;title␇")]
    [InlineData("a\0b\rc\u007f", "a␀b␍c␡")]
    [InlineData("\u009b31m", "⟨U+009B⟩31m")]
    [InlineData("x\u202egnp.exe", "x⟨U+202E⟩gnp.exe")]
    [InlineData("a\u2028b\u2029c\ufeff", "a⟨U+2028⟩b⟨U+2029⟩c⟨U+FEFF⟩")]
    [InlineData("👩\u200d💻", "👩\u200d💻")]
    [InlineData("", "")]
    public void What_a_terminal_would_obey_is_spelled_out(string text, string shown) => Assert.Equal(shown, TerminalText.Clean(text));

    [Fact]
    public void Text_that_is_clean_is_not_copied()
    {
        const string text = "a text without anything in it";

        Assert.Same(text, TerminalText.Clean(text));
    }

    [Theory]
    [InlineData(0, "0:00")]
    [InlineData(245, "4:05")]
    [InlineData(11_045, "3:04:05")]
    [InlineData(86_400, "1d 0:00:00")]
    [InlineData((60 * 86_400) + 7384, "60d 2:03:04")]
    [InlineData(-5, "0:00")]
    [InlineData(double.NaN, "long")]
    [InlineData(double.PositiveInfinity, "long")]
    [InlineData(1e300, "long")]
    public void A_duration_is_written_with_its_days(double seconds, string text)
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            foreach (var culture in new[] { "en-US", "de-DE", "th-TH" })
            {
                CultureInfo.CurrentCulture = new CultureInfo(culture);
                Assert.Equal(text, Duration.OfSeconds(seconds));
            }
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
