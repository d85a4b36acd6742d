using System.Text.Json;
using LoraAspire.Evaluator.Metrics;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Evaluator.Metrics;

/// <summary>What sacrebleu gave for the same texts; a metric is set up by the signature that stands beside its numbers.</summary>
public sealed class SacrebleuGoldenTests
{
    public static IReadOnlyList<TheoryDataRow<string>> Files => GoldenFolder.OrSkipped(
        Directory.Exists(GoldenFolder.Root)
            ? Directory.EnumerateFiles(GoldenFolder.Root, "sacrebleu*.json").Order(StringComparer.Ordinal) : [],
        Path.Combine(GoldenFolder.Root, "sacrebleu.json"));

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_score_is_sacrebleus_to_the_last_digits(string file)
    {
        using var golden = JsonDocument.Parse(File.ReadAllBytes(file));
        Assert.All(golden.RootElement.GetProperty("sets").EnumerateObject(), set =>
        {
            var hypotheses = Texts(set.Value, "hyps");
            List<List<string>> references = [Texts(set.Value, "refs"), Texts(set.Value, "refs2")];
            Assert.All(set.Value.GetProperty("metrics").EnumerateObject(), expected =>
            {
                if (expected.Name == "sentences")
                {
                    CheckSentences(expected.Value, hypotheses, references[0],
                        set.Name == "zh" ? BleuTokenizer.Zh : BleuTokenizer.Mteval13a);
                    return;
                }
                var signature = expected.Value.GetProperty("signature").GetString()!;
                var metric = Metric(signature);
                var count = int.Parse(Part(signature, "nrefs")!);
                var score = metric.Segments(hypotheses,
                    [.. hypotheses.Select((_, i) => (IReadOnlyList<string>)[.. references.Take(count).Select(all => all[i])])]);
                Assert.Equal(signature, score.Signature);
                Check(expected.Name, expected.Value, score.Score());
            });
        });
    }

    /// <summary>Sums of a few more or fewer roundings: some of the last of 53 bits.</summary>
    private static void Near(double expected, double actual) => Assert.Equal(expected, actual, Math.Max(1, Math.Abs(expected)) * 1e-12);

    private static void Check(string name, JsonElement expected, MetricScore score)
    {
        Assert.Equal(expected.GetProperty("text").GetString(), score.Text);
        Near(expected.GetProperty("score").GetDouble(), score.Value);
        if (score is BleuScore bleu)
        {
            Assert.All(expected.GetProperty("precisions").EnumerateArray().Index(),
                one => Near(one.Item.GetDouble(), bleu.Precisions[one.Index]));
            Near(expected.GetProperty("bp").GetDouble(), bleu.BrevityPenalty);
            Assert.Equal((expected.GetProperty("sys_len").GetInt32(), expected.GetProperty("ref_len").GetInt32()),
                (bleu.Length, bleu.ReferenceLength));
        }
    }

    private static void CheckSentences(JsonElement expected, List<string> hypotheses, List<string> references,
        BleuTokenizer tokenizer)
    {
        Bleu bleu = new() { EffectiveOrder = true, Tokenizer = tokenizer };
        foreach (var (i, score) in expected.GetProperty("bleu").EnumerateArray().Index())
        {
            Near(score.GetDouble(), bleu.Sentence(hypotheses[i], [references[i]]).Value);
        }
        foreach (var (i, score) in expected.GetProperty("chrf").EnumerateArray().Index())
        {
            Near(score.GetDouble(), new ChrF().Sentence(hypotheses[i], [references[i]]).Value);
        }
        if (expected.TryGetProperty("ter", out var ters))
        {
            foreach (var (i, score) in ters.EnumerateArray().Index())
            {
                Near(score.GetDouble(), new Ter().Sentence(hypotheses[i], [references[i]]).Value);
            }
        }
    }

    private static CorpusMetric Metric(string signature)
    {
        var lowercase = Part(signature, "case") == "lc";
        if (Part(signature, "norm") is { } normalized)
        {
            return new Ter
            {
                CaseSensitive = !lowercase,
                Normalized = normalized == "yes",
                NoPunctuation = Part(signature, "punct") == "no",
                AsianSupport = Part(signature, "asian") == "yes",
            };
        }
        if (Part(signature, "nc") is { } order)
        {
            return new ChrF
            {
                CharOrder = int.Parse(order),
                WordOrder = int.Parse(Part(signature, "nw")!),
                Lowercase = lowercase,
                Whitespace = Part(signature, "space") == "yes",
                EpsilonSmoothing = Part(signature, "eff") == "no",
            };
        }
        var smooth = Part(signature, "smooth")!.Split('[', ']');
        return new Bleu
        {
            Lowercase = lowercase,
            EffectiveOrder = Part(signature, "eff") == "yes",
            Tokenizer = BleuTokenizers.Of(Part(signature, "tok")!),
            Smoothing = smooth[0] switch
            {
                "add-k" => BleuSmoothing.AddK,
                "floor" => BleuSmoothing.Floor,
                "none" => BleuSmoothing.None,
                _ => BleuSmoothing.Exp,
            },
            SmoothingValue = smooth.Length > 1 ? double.Parse(smooth[1], System.Globalization.CultureInfo.InvariantCulture) : null,
        };
    }

    private static string? Part(string signature, string key) =>
        signature.Split('|').Select(part => part.Split(':')).FirstOrDefault(part => part[0] == key)?[1];

    private static List<string> Texts(JsonElement set, string name) => [.. GoldenFolder.Rows(set, name).Select(text => text.GetString()!)];
}
