using System.Globalization;
using System.Text.Json.Serialization;
using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Network;
using LoraAspire.Model.Prompts.Jinja;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Merger;

/// <summary>How near a merged model is to its base and adapter side by side, on the token that follows each prompt.</summary>
/// <param name="LargestDifference">Of a logit, as a share of the standard deviation of its prompt's logits.</param>
/// <param name="Effect">The same between the base with the adapter and without it.</param>
/// <param name="SameNextToken">On how many prompts the most probable token is the same.</param>
/// <param name="Limit">Of the difference.</param>
public sealed record MergeProof(int Prompts, double LargestDifference, double Effect, int SameNextToken, double Limit)
{
    /// <summary>
    /// Rounding each weight once moves a logit by about the type's half unit (2⁻²⁵, 2⁻⁹, 2⁻¹²) times a few dozen over all layers and the
    /// largest of the vocabulary.
    /// </summary>
    private const double Float32Limit = 0.01, Bfloat16Limit = 0.25, Float16Limit = 0.05;

    /// <summary>Rounding moves a strong adapter's change by a few hundredths of it; what is not merged, or wrongly, by all of it.</summary>
    private const double ShareOfEffect = 0.1;

    private static readonly string[] s_questions =
    [
        "Who are you?", "你是谁？", "Name three primary colours.", "写一首关于春天的短诗。", "What is the capital of France?", "把“你好，世界”翻译成英文。",
        "Explain why the sky is blue in one sentence.", "请列出三种健康的早餐。", "Write a haiku about the sea.", "十七加二十五等于多少？",
    ];

    [JsonIgnore]
    public bool Holds => LargestDifference <= Limit;

    [JsonIgnore]
    public string Words => string.Create(CultureInfo.InvariantCulture,
        $"on {Prompts} prompts the merged model's logits differ from those of base and adapter by {LargestDifference:0.####} of a standard "
            + $"deviation at most (the adapter itself moves them by {Effect:0.####}), and the most probable next token is the same on "
            + $"{SameNextToken}");

    private static double LimitOf(TorchSharp.torch.ScalarType type) => type switch
    {
        TorchSharp.torch.ScalarType.BFloat16 => Bfloat16Limit,
        TorchSharp.torch.ScalarType.Float16 => Float16Limit,
        _ => Float32Limit,
    };

    /// <param name="questions">None takes our own.</param>
    /// <exception cref="ModelException">A question that the model's template refuses, or that is longer than its context.</exception>
    public static MergeProof Of(string baseFolder, Adapter adapter, string merged, IReadOnlyList<string> questions, double? limit,
        IProgress<StageProgress> report, CancellationToken cancellationToken)
    {
        var prompts = Encoded(merged, questions.Count == 0 ? s_questions : questions);
        var layers = ModelConfig.Load(merged).NumHiddenLayers;
        IReadOnlyList<float[][]> Logits(string folder, IReadOnlyList<Adapter?> beside, int before) => StreamedModel.LastLogits(folder,
            prompts, beside, new Layers(report, before, 2 * layers), cancellationToken);
        // The base without the adapter first: that one may take its start out of the weights.
        var (both, found) = (Logits(baseFolder, [null, adapter], 0), Logits(merged, [null], layers)[0]);
        float[][] bare = both[0], expected = both[1];
        var effect = Rounded(expected.Zip(bare, Difference).Max());
        return new(prompts.Count, Rounded(expected.Zip(found, Difference).Max()), effect,
            expected.Zip(found, (a, b) => Best(a) == Best(b)).Count(same => same),
            limit ?? Math.Max(LimitOf(WrittenType(merged)), Rounded(ShareOfEffect * effect)));
    }

    /// <summary>To three digits: the last ones hang on the machine, and equal merges are to give equal files.</summary>
    private static double Rounded(double value) =>
        double.Parse(value.ToString("E2", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static TorchSharp.torch.ScalarType WrittenType(string folder)
    {
        using var files = WeightFiles.Open(folder);
        return files.Tensors.MaxBy(tensor => tensor.Length)!.Dtype;
    }

    private static List<int[]> Encoded(string folder, IReadOnlyList<string> questions)
    {
        var tokenizer = HfTokenizer.Load(folder);
        var (config, format) = (ModelConfig.Load(folder), ModelPrompt.Of(folder).Format);
        return [.. questions.Select(question =>
        {
            try
            {
                var ids = format.Prompt(new(null, [new(question)]), tokenizer);
                return ids.Length <= config.Context && ids.All(id => id < config.VocabSize) ? ids
                    : throw new ModelException($"verify_prompts: '{question}' has {ids.Length} tokens, the context {config.Context}.");
            }
            catch (TemplateException refusal)
            {
                throw new ModelException($"verify_prompts: the model's chat template refuses '{question}': {refusal.Words}", refusal);
            }
        })];
    }

    private static double Difference(float[] expected, float[] found)
    {
        // A base's vocabulary may be smaller than that of its adapter: then what both have is compared.
        expected = expected[..Math.Min(expected.Length, found.Length)];
        var mean = expected.Average(value => (double)value);
        var deviation = Math.Sqrt(expected.Average(value => (value - mean) * (value - mean)));
        var largest = expected.Zip(found, (a, b) => Math.Abs((double)a - b)).Max();
        return !double.IsFinite(deviation) || !double.IsFinite(largest)
            ? throw new ModelException("Base and adapter, or the merged model, give logits that are not finite numbers.")
            : deviation == 0 ? largest : largest / deviation;
    }

    private static int Best(float[] logits) => Array.IndexOf(logits, logits.Max());

    private sealed class Layers(IProgress<StageProgress> report, int before, int total) : IProgress<int>
    {
        public void Report(int value) => report.Report(new StageProgress("layers compared", before + value, total));
    }
}
