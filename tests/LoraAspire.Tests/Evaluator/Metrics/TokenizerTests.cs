using LoraAspire.Evaluator.Metrics;

namespace LoraAspire.Tests.Evaluator.Metrics;

/// <summary>Worked out by hand from the steps of mteval-v13a, mteval-v14 and tercom's normaliser.</summary>
public sealed class TokenizerTests
{
    [Theory]
    [InlineData("Hello, world!", "Hello , world !")]
    [InlineData("It's 1,000.5 or 3-4.", "It's 1,000.5 or 3 - 4 .")]
    [InlineData("a-b x.y 5. 6,", "a-b x . y 5 . 6 ,")]
    [InlineData("wait...", "wait . . .")]
    [InlineData("<skipped>a-\nb\nc &amp;lt; &quot;d&quot;", "ab c < \" d \"")]
    [InlineData("“quoted” — 中文。", "“quoted” — 中文。")]
    [InlineData("half \ud800. whole 😀.", "half \ud800 . whole 😀 .")]
    [InlineData("", "")]
    public void Western_text_is_cut_as_mteval_13a_cuts_it(string text, string words) => Check(BleuTokenizer.Mteval13a, words, text);

    [Theory]
    [InlineData("中文abc，def。", "中 文 abc ， def 。")]
    [InlineData("用“.NET 10”吗", "用 “ . NET 10 ” 吗")]
    [InlineData("ＡＢ 1.5", "Ａ Ｂ 1.5")]
    [InlineData("字.", "字 .")]
    [InlineData("5.", "5.")]
    [InlineData("𠀀字", "𠀀 字")]
    public void Chinese_characters_are_words_and_the_rest_is_cut_without_spaces_around_the_text(string text, string words) =>
        Check(BleuTokenizer.Zh, words, text);

    [Theory]
    [InlineData("Hello, world!", "Hello , world !")]
    [InlineData("in 1999.", "in 1999.")]
    [InlineData("1,000 $5 a+b", "1,000 $ 5 a + b")]
    [InlineData("“q” don't", "“ q ” don ' t")]
    [InlineData("中。文", "中 。 文")]
    [InlineData("x𐄀y", "x 𐄀 y")]
    public void International_text_is_cut_at_unicodes_punctuation_and_symbols(string text, string words) =>
        Check(BleuTokenizer.Intl, words, text);

    [Fact]
    public void Characters_are_code_points_and_white_space_is_pythons()
    {
        Check(BleuTokenizer.Char, "a 😀 \ud800 é", "a 😀\u3000\ud800é ");
        Check(BleuTokenizer.None, "a b\u200bc", "a\x1c b\u200bc\u2028");
    }

    [Theory]
    [InlineData("ABC", "abc")]
    [InlineData("İX", "i\u0307x")]
    [InlineData("ΟΔΟΣ ΣΑΣ.", "οδος σας.")]
    [InlineData("ΑΣ'Α Σ", "ασ'α σ")]
    [InlineData("ẞ𐐀\udc00É", "ß𐐨\udc00é")]
    public void Small_letters_are_pythons(string text, string lower) => Assert.Equal(lower, PythonText.Lower(text));

    [Theory]
    [InlineData(6.25, 1, "6.2")]
    [InlineData(93.75, 1, "93.8")]
    [InlineData(0.125, 2, "0.12")]
    [InlineData(28.375, 2, "28.38")]
    [InlineData(2.675, 2, "2.67")]
    [InlineData(100.00000000000004, 2, "100.00")]
    [InlineData(0.0625, 3, "0.062")]
    public void A_tie_is_rounded_to_the_even_digit(double value, int digits, string text) =>
        Assert.Equal(text, PythonText.Fixed(value, digits));

    [Theory]
    [InlineData("It's A-B, 3-4 &amp; end.", false, false, false, "it's a-b, 3-4 &amp; end.")]
    [InlineData("It's A-B, 3-4 &amp; end.", true, false, false, "it 's a-b , 3 - 4 & end .")]
    [InlineData("join\n-ed \"all\" (now)!", true, true, false, "joined all now")]
    [InlineData("中文，カナ。", true, false, true, "中 文 ， カナ 。")]
    [InlineData("中文，カナ。", false, true, true, "中文カナ")]
    [InlineData("中文，カナ。", true, false, false, "中文，カナ。")]
    public void Edit_rate_counts_tercoms_words(string text, bool normalized, bool noPunctuation, bool asian, string words) =>
        Assert.Equal(words, string.Join(' ',
            TercomWords.Of(text, new() { Normalized = normalized, NoPunctuation = noPunctuation, AsianSupport = asian })));

    private static void Check(BleuTokenizer tokenizer, string words, string text) =>
        Assert.Equal(words, string.Join(' ', tokenizer.Words(text)));
}
