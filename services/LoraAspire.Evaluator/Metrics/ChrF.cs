namespace LoraAspire.Evaluator.Metrics;

/// <summary>
/// chrF (Popović, 2015): F-score of character n-grams up to order 6, recall twice as heavy; chrF++ (2017) with words of order 1 and 2
/// besides. sacrebleu's defaults.
/// </summary>
public sealed class ChrF : CorpusMetric
{
    private const double Epsilon = 1e-16;

    /// <summary>ASCII's punctuation, which is cut off a word, one at its end or else one at its start.</summary>
    private const string Punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

    public int CharOrder { get; init; } = 6;
    public int WordOrder { get; init; }
    public int Beta { get; init; } = 2;
    public bool Lowercase { get; init; }
    public bool Whitespace { get; init; }

    /// <summary>An order without grams counts with almost 0, as chrF++.py does; else only orders that both texts have count.</summary>
    public bool EpsilonSmoothing { get; init; }

    public static ChrF PlusPlus { get; } = new() { WordOrder = 2 };

    public override string Name => $"chrF{Beta}{new string('+', WordOrder)}";

    protected override string Options => $"case:{(Lowercase ? "lc" : "mixed")}|eff:{(EpsilonSmoothing ? "no" : "yes")}"
        + $"|nc:{CharOrder}|nw:{WordOrder}|space:{(Whitespace ? "yes" : "no")}";

    public override MetricScore Score(ReadOnlySpan<double> sums) => new(Name, FScore(sums));

    /// <summary>For each order, the answer's grams, the reference's and those in both; of the reference with the best score.</summary>
    protected override double[] Measure(string hypothesis, IReadOnlyList<string> references)
    {
        GramNumbers<int> chars = new();
        GramNumbers<string> words = new();
        var hypothesisGrams = Grams(hypothesis, chars, words);
        double[] best = [];
        var bestScore = -1.0;
        foreach (var reference in references)
        {
            var row = new double[3 * (CharOrder + WordOrder)];
            foreach (var (i, (mine, other)) in hypothesisGrams.Zip(Grams(reference, chars, words)).Index())
            {
                // An order that the reference is too short for isn't held against the answer.
                row[3 * i] = other.Count > 0 ? mine.Values.Sum() : 0;
                row[3 * i + 1] = other.Values.Sum();
                row[3 * i + 2] = GramNumbers<int>.Matches(mine, other);
            }
            if (FScore(row) is var score && score > bestScore)
            {
                (best, bestScore) = (row, score);
            }
        }
        return best;
    }

    private double FScore(ReadOnlySpan<double> sums)
    {
        double factor = Beta * Beta, score = 0, precisions = 0, recalls = 0;
        var orders = 0;
        for (var i = 0; i < CharOrder + WordOrder; i++)
        {
            var (mine, other, both) = (sums[3 * i], sums[3 * i + 1], sums[3 * i + 2]);
            var precision = mine > 0 ? both / mine : Epsilon;
            var recall = other > 0 ? both / other : Epsilon;
            var weight = factor * precision + recall;
            score += weight > 0 ? (1 + factor) * precision * recall / weight : Epsilon;
            if (mine > 0 && other > 0)
            {
                precisions += precision;
                recalls += recall;
                orders++;
            }
        }
        if (EpsilonSmoothing)
        {
            return 100 * score / (CharOrder + WordOrder);
        }
        if (orders == 0 || precisions + recalls == 0)
        {
            return 0;
        }
        precisions /= orders;
        recalls /= orders;
        return 100 * ((1 + factor) * precisions * recalls / (factor * precisions + recalls));
    }

    private IEnumerable<Dictionary<int, int>> Grams(string text, GramNumbers<int> chars, GramNumbers<string> words)
    {
        text = Lowercase ? PythonText.Lower(text) : text;
        var ofChars = chars.Count(PythonText.CodePoints(text, skipSpace: !Whitespace), CharOrder);
        return WordOrder == 0 ? ofChars : ofChars.Concat(words.Count(Words(text), WordOrder));
    }

    private static List<string> Words(string text)
    {
        List<string> words = [];
        foreach (var word in PythonText.Split(text))
        {
            if (PythonText.IsOneCodePoint(word))
            {
                words.Add(word);
            }
            else if (Punctuation.Contains(word[^1]))
            {
                words.AddRange([word[..^1], word[^1..]]);
            }
            else if (Punctuation.Contains(word[0]))
            {
                words.AddRange([word[..1], word[1..]]);
            }
            else
            {
                words.Add(word);
            }
        }
        return words;
    }
}
