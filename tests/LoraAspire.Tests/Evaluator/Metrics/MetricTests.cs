using System.Diagnostics;
using LoraAspire.Evaluator.Metrics;

namespace LoraAspire.Tests.Evaluator.Metrics;

public sealed class MetricTests
{
    /// <summary>6 words against 7: matches 4 of 6, 2 of 5, 1 of 4, 0 of 3; brevity e^(1 - 7/6).</summary>
    [Fact]
    public void Bleu_is_the_brevity_penalty_times_the_mean_precision()
    {
        var score = (BleuScore)new Bleu().Corpus(["the cat sat in mat now"], [["the cat sat on the big mat"]]);

        Assert.Equal([400.0 / 6, 40, 25, 100.0 / (2 * 3)], score.Precisions, (a, b) => Math.Abs(a - b) < 1e-9);
        Assert.Equal((Math.Exp(1 - 7.0 / 6), 6, 7), (score.BrevityPenalty, score.Length, score.ReferenceLength));
        Assert.Equal(Math.Exp(1 - 7.0 / 6) * Math.Pow(400.0 / 6 * 40 * 25 * 100 / 6, 0.25), score.Value, 1e-9);
        Assert.Equal("BLEU = 27.48 66.7/40.0/25.0/16.7 (BP = 0.846 ratio = 0.857 hyp_len = 6 ref_len = 7)", score.Text);
    }

    [Theory]
    [InlineData(BleuSmoothing.None, 0, "none")]
    [InlineData(BleuSmoothing.Floor, 0.1 / 3, "floor[0.10]")]
    [InlineData(BleuSmoothing.Exp, 1.0 / 6, "exp")]
    public void An_order_without_a_match_is_smoothed(BleuSmoothing smoothing, double last, string name)
    {
        Bleu bleu = new() { Smoothing = smoothing };

        var score = (BleuScore)bleu.Sentence("the cat sat in mat now", ["the cat sat on the big mat"]);

        Assert.Equal(100 * last, score.Precisions[3], 1e-9);
        Assert.Equal($"nrefs:1|case:mixed|eff:no|tok:13a|smooth:{name}|version:2.6.0", bleu.Signature(1));
    }

    /// <summary>Orders above the first: (2 + 1)/(5 + 1), (1 + 1)/(4 + 1), (0 + 1)/(3 + 1).</summary>
    [Fact]
    public void Added_counts_are_in_every_order_but_the_first()
    {
        var score = (BleuScore)new Bleu { Smoothing = BleuSmoothing.AddK }
            .Sentence("the cat sat in mat now", ["the cat sat on the big mat"]);

        Assert.Equal([400.0 / 6, 50, 40, 25], score.Precisions, (a, b) => Math.Abs(a - b) < 1e-9);
    }

    [Fact]
    public void A_short_sentence_is_judged_by_the_orders_it_has()
    {
        Assert.Equal(0, new Bleu { Smoothing = BleuSmoothing.None }.Sentence("a b", ["a b"]).Value, 1e-9);
        Assert.Equal(100, new Bleu { EffectiveOrder = true }.Sentence("a b", ["a b"]).Value, 1e-9);
    }

    /// <summary>Of two references as close the shorter counts, and each gram as often as in the reference that has most of it.</summary>
    [Fact]
    public void Several_references_give_their_grams_together_and_the_closest_length()
    {
        var score = (BleuScore)new Bleu { MaxOrder = 1 }.Sentence("a a a b", ["a a x", "a b y z w"]);

        Assert.Equal((75, 1, 4, 3), (score.Precisions[0], score.BrevityPenalty, score.Length, score.ReferenceLength));
        Assert.Equal("nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0",
            new Bleu().Segments(["a", "b"], [["a"], ["b", "c"]]).Signature);
    }

    /// <summary>"abc" and "abd": 2/3 of characters, 1/2 of pairs, 0 of the only triple: mean 7/18 both ways; words none.</summary>
    [Fact]
    public void ChrF_is_the_mean_over_orders_that_both_have()
    {
        Assert.Equal(100 * 7.0 / 18, new ChrF().Sentence("ab c", ["a bd"]).Value, 1e-9);
        Assert.Equal("chrF2++ = 29.17", ChrF.PlusPlus.Sentence("abc", ["abd"]).Text);
        Assert.Equal("nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:2.6.0", ChrF.PlusPlus.Signature(1));
    }

    /// <summary>Precision 1, recall 1/2 of the one order that both have: 5 · 1 · ½ / (4 · 1 + ½).</summary>
    [Fact]
    public void ChrF_holds_recall_twice_as_heavy() =>
        Assert.Equal(100 * 2.5 / 4.5, new ChrF { CharOrder = 1 }.Sentence("a", ["ab"]).Value, 1e-9);

    [Theory]
    [InlineData("a b c d", "a b c d", 0)]
    [InlineData("a b c", "a b c d", 1)]
    [InlineData("a x c d e", "a b c d", 2)]
    [InlineData("d e a b c", "a b c d e", 1)]
    [InlineData("c d a b x", "a b c d", 2)]
    [InlineData("", "a b", 2)]
    [InlineData("a b c", "", 3)]
    public void Edits_are_words_put_in_left_out_exchanged_and_runs_moved(string words, string reference, int edits)
    {
        var row = new Ter().Statistics(words, [reference]);

        Assert.Equal(edits, row[0]);
        Assert.Equal(reference.Length == 0 ? 100 : 100.0 * edits / reference.Split(' ').Length, new Ter().Score(row).Value);
    }

    /// <summary>Edits of the nearer reference over the mean length of both.</summary>
    [Fact]
    public void Edit_rate_of_several_references_takes_the_nearest_and_their_mean_length() =>
        Assert.Equal(100.0 / 3, new Ter().Sentence("A b c", ["a b c d", "x y"]).Value, 1e-9);

    /// <summary>The kept rows and the early end are an optimisation alone.</summary>
    [Fact]
    public void Edits_from_a_changed_place_are_those_from_the_start()
    {
        Random random = new(3);
        for (var round = 0; round < 300; round++)
        {
            int[] Words(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(6))];
            var (reference, words) = (Words(random.Next(1, 70)), Words(random.Next(2, 70)));
            BandedEdits kept = new(reference, words.Length);
            kept.Keep(words);
            var first = random.Next(words.Length);
            var last = random.Next(first + 1, words.Length + 1);
            int[] other = [.. words[..first], .. Words(last - first), .. words[last..]];

            Assert.Equal(new BandedEdits(reference, words.Length).Keep(other), kept.Distance(other, first, last));
        }
    }

    /// <summary>LCS "the sat on mat" of 4 words: 2 · 4 / (6 + 5).</summary>
    [Fact]
    public void Rouge_is_the_f_score_of_the_longest_common_subsequence()
    {
        Assert.Equal(800.0 / 11, new RougeL().Sentence("The cat sat on the mat.", ["the dog sat on mat"]).Value, 1e-9);
        Assert.Equal(200.0 / 3, new RougeL().Sentence("我是你", ["我你他"]).Value, 1e-9);
        Assert.Equal(0, new RougeL().Sentence("", ["a"]).Value);
    }

    [Fact]
    public void The_longest_common_subsequence_is_that_of_the_plain_table()
    {
        Random random = new(5);
        for (var round = 0; round < 200; round++)
        {
            string[] Words() => [.. Enumerable.Range(0, random.Next(0, 200)).Select(_ => $"{random.Next(9)}")];
            var (first, second) = (Words(), Words());
            var table = new int[first.Length + 1, second.Length + 1];
            for (var i = 1; i <= first.Length; i++)
            {
                for (var j = 1; j <= second.Length; j++)
                {
                    table[i, j] = first[i - 1] == second[j - 1] ? table[i - 1, j - 1] + 1 : Math.Max(table[i - 1, j], table[i, j - 1]);
                }
            }
            Assert.Equal(table[first.Length, second.Length], CommonSubsequence.Length(first, second));
        }
    }

    [Theory]
    [InlineData("The Cat!", "a cat", 100, 100)]
    [InlineData("the cat sat", "cat ran off", 0, 40)] // cat sat against cat ran off
    [InlineData("", "the", 100, 100)]
    [InlineData("我 是", "我是", 0, 0)]
    public void Exact_match_and_f1_are_squads(string answer, string reference, double exact, double f1)
    {
        Assert.Equal(exact, new ExactMatch().Sentence(answer, [reference]).Value);
        Assert.Equal(f1, new TokenF1().Sentence(answer, [reference]).Value, 1e-9);
        Assert.Equal(100, new TokenF1 { SplitCharacters = true }.Sentence("我 是", ["x", "我是"]).Value);
    }

    [Theory]
    [InlineData(" Positive. ", "positive", true)]
    [InlineData("「积极」", "积极", true)]
    [InlineData("ＹＥＳ", "yes", true)]
    [InlineData("+", "-", false)]
    [InlineData("positive or not", "positive", false)]
    [InlineData("\ud800", "x", false)]
    public void A_label_is_right_whatever_its_case_width_and_quotes(string answer, string label, bool right) =>
        Assert.Equal(right ? 100 : 0, new Accuracy().Sentence(answer, [label]).Value);

    public static TheoryData<CorpusMetric> All =>
        [new Bleu(), new Bleu { Tokenizer = BleuTokenizer.Zh, Lowercase = true }, new Bleu { Tokenizer = BleuTokenizer.Intl },
        ChrF.PlusPlus, new Ter { Normalized = true, AsianSupport = true }, new RougeL(), new ExactMatch(), new TokenF1(), new Accuracy()];

    [Theory]
    [MemberData(nameof(All))]
    public void Texts_of_any_kind_get_a_score_and_no_references_are_refused(CorpusMetric metric)
    {
        string[] texts = ["", " \u2028", "\ud800", "\udc00\ud800", "a\0b", "😀", new('x', 300_000),
            string.Join(' ', Enumerable.Range(0, 3_000))];
        foreach (var answer in texts)
        {
            Assert.All(texts, reference => Assert.True(double.IsFinite(metric.Sentence(answer, [reference]).Value)));
        }
        Assert.Throws<ArgumentException>(() => metric.Sentence("a", []));
        Assert.Throws<ArgumentException>(() => metric.Corpus([], []));
        Assert.Throws<ArgumentException>(() => metric.Corpus(["a"], [["a"], ["b"]]));
    }

    /// <summary>Ten times what it takes, as below.</summary>
    [Fact]
    public void A_corpus_of_51_000_answers_is_scored_in_seconds()
    {
        Random random = new(2);
        string[] words = [.. Enumerable.Range(0, 5_000).Select(i => $"word{i}")];
        string Sentence() =>
            string.Join(' ', Enumerable.Range(0, 20).Select(_ => words[(int)(5_000 * Math.Pow(random.NextDouble(), 3))])) + ".";
        var answers = Enumerable.Range(0, 51_000).Select(_ => Sentence()).ToList();
        var references = answers.Select(_ => (IReadOnlyList<string>)[Sentence()]).ToList();
        var watch = Stopwatch.StartNew();

        Assert.InRange(new Bleu().Corpus(answers, references).Value, 0, 100);

        TestContext.Current.TestOutputHelper?.WriteLine($"{watch.Elapsed}");
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"{watch.Elapsed}");
    }

    /// <summary>The bound is ten times what it takes: it holds against a square of the lengths, not against a busy machine.</summary>
    [Fact]
    public void Long_texts_take_no_square_of_their_length()
    {
        Random random = new(1);
        string Words(int count) => string.Join(' ', Enumerable.Range(0, count).Select(_ => random.Next(50)));
        var watch = Stopwatch.StartNew();

        new Ter().Sentence(Words(20_000), [Words(20_000)]);
        new Ter().Sentence(Words(3), [Words(500_000)]);
        new RougeL().Sentence(Words(40_000), [Words(40_000)]);

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(40), $"{watch.Elapsed}");
    }
}
