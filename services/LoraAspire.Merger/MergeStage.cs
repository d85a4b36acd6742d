using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Merger;

/// <summary>Base + adapter → a Hugging Face directory: weights, config, tokenizer and the template of the adapter's training.</summary>
public sealed class MergeStage : IStage<MergerParams>
{
    public Task RunAsync(StageContext<MergerParams> context, CancellationToken cancellationToken)
    {
        string from = context.Inputs["base"], adapterFolder = context.Inputs["adapter"], to = context.OutputDir("model");
        try
        {
            // The small files first: a base without a tokenizer fails before the large ones are written.
            ModelFiles.Copy(from, to);
            CopyTemplate([adapterFolder, from], to);
            ModelConfig.Load(to);

            using var adapter = Adapter.Load(adapterFolder);
            var merged = MergedWeights.Write(from, adapter, to, context.With.MaxShardSizeMib * (1L << 20), context.Report,
                cancellationToken);
            foreach (var (path, sha256) in merged.Digests)
            {
                context.Digests.Add(path, sha256);
            }
            if (merged.Vocabulary is { } vocabulary)
            {
                Resize(vocabulary, adapterFolder, to, context.Report);
            }
            return Task.CompletedTask;
        }
        catch (Exception error) when (error is ModelException or FileNotFoundException)
        {
            throw new StageException(error.Message, inner: error);
        }
    }

    public IEnumerable<Finding> Check(StageCheck<MergerParams> given) => given.Inputs.TryGetValue("base", out var folder)
        ? ModelCheck.Problems(folder).Select(problem => new Finding("base", problem)) : [];

    /// <summary>
    /// config.json says the new size, and the tokenizer that was saved with the adapter, which knows the new tokens, is the model's.
    /// </summary>
    private static void Resize((long Before, long After) vocabulary, string adapterFolder, string to, IProgress<StageProgress> report)
    {
        ModelConfig.Resize(to, vocabulary.After);
        var hasTokenizer = TokenizerFiles.AreIn(adapterFolder);
        if (hasTokenizer)
        {
            foreach (var name in TokenizerFiles.Names)
            {
                File.Delete(Path.Combine(to, name));
            }
            TokenizerFiles.Copy(adapterFolder, to);
        }
        report.Report(new StageProgress(
            Message: $"The adapter's vocabulary has {vocabulary.After} rows, the base's {vocabulary.Before}: the merged model has "
                + $"{vocabulary.After}, and its tokenizer is "
                + (hasTokenizer ? "the adapter's."
                    : "the base's, since the adapter's folder has none: tokens that were added have no text.")));
    }

    private static void CopyTemplate(IEnumerable<string> candidates, string to)
    {
        var template = candidates.Select(folder => Path.Combine(folder, PromptTemplate.FileName)).FirstOrDefault(File.Exists);
        if (template is not null)
        {
            File.Copy(template, Path.Combine(to, PromptTemplate.FileName));
        }
    }
}
