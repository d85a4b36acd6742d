using LoraAspire.Evaluator.Metrics;

namespace LoraAspire.Tests.Evaluator.Metrics;

/// <summary>A metric by one call, as its formula is written.</summary>
internal static class MetricCalls
{
    extension(CorpusMetric metric)
    {
        public MetricScore Sentence(string hypothesis, IReadOnlyList<string> references) =>
            metric.Score(metric.Statistics(hypothesis, references));

        public MetricScore Corpus(IReadOnlyList<string> hypotheses, IReadOnlyList<IReadOnlyList<string>> references) =>
            metric.Segments(hypotheses, references).Score();
    }
}
