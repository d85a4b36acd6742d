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
    private static readonly string[] AdapterPorts = ["adapter", "adapter2", "adapter3"];

    public Task RunAsync(StageContext<MergerParams> context, CancellationToken cancellationToken)
    {
        try
        {
            Merge(context, cancellationToken);
            return Task.CompletedTask;
        }
        catch (Exception error) when (error is ModelException or FileNotFoundException)
        {
            throw new StageException(error.Message, inner: error);
        }
    }

    private static void Merge(StageContext<MergerParams> context, CancellationToken cancellationToken)
    {
        string from = context.Inputs["base"], to = context.OutputDir("model");
        var folders = AdapterPorts.Where(context.Inputs.ContainsKey).Select(port => context.Inputs[port]).ToList();
        var weights = Weights(context.With, folders.Count);
        var (adapter, lineage) = Load(context, folders, weights, cancellationToken);
        using var loaded = adapter;
        // The small files first: a base without a tokenizer fails before the large ones are written.
        ModelFiles.Copy(from, to);
        CopyTemplate([.. folders, from], to);
        ModelConfig.Load(to);

        var type = TypeOf(context.With.Dtype);
        var merged = MergedWeights.Write(from, adapter, to, context.With.MaxShardSizeMib * (1L << 20), type, context.Report,
            cancellationToken);
        foreach (var (path, sha256) in merged.Digests)
        {
            context.Digests.Add(path, sha256);
        }
        if (merged.Vocabulary is { } vocabulary)
        {
            Resize(vocabulary, folders[0], to, context.Report);
        }
        if (type is not null)
        {
            ModelConfig.Retype(to, context.With.Dtype.ToString()!.ToLowerInvariant());
        }
        var proof = Prove(context, from, adapter, to, cancellationToken);
        new MergeRecord(lineage, proof).Save(to);
        MergeCard.Save(to, from, lineage, proof);
    }

    /// <summary>What the merged model says, against what base and adapter say side by side.</summary>
    private static MergeProof? Prove(StageContext<MergerParams> context, string from, Adapter adapter, string to,
        CancellationToken cancellationToken)
    {
        var with = context.With;
        var why = !with.Verify ? "verify is off"
            : adapter.Layers.ContainsKey("lm_head") ? "LoRA on lm_head can't be run beside the base" : null;
        if (why is not null)
        {
            context.Report.Report(new StageProgress(Message: $"The merged model was not compared with base and adapter: {why}."));
            return null;
        }
        var proof = MergeProof.Of(from, adapter, to, with.VerifyPrompts, with.VerifyLimit, context.Report, cancellationToken);
        context.Report.Report(new StageProgress(Message: proof.Words));
        return proof.Holds ? proof
            : throw new ModelException($"The merged model is not base and adapter: {proof.Words}. The limit is {proof.Limit} "
                + "(verify_limit). Nothing was published.");
    }

    /// <summary>What is merged, and all that the merged model is then made of.</summary>
    private static (Adapter Adapter, IReadOnlyList<MergedAdapter> Lineage) Load(StageContext<MergerParams> context,
        IReadOnlyList<string> folders, IReadOnlyList<double> weights, CancellationToken cancellationToken)
    {
        var adapters = folders.Select(Adapter.Load).ToList();
        Adapter? kept = null;
        try
        {
            List<MergedAdapter> lineage = [.. MergeRecord.Of(context.Inputs["base"])?.Adapters ?? [],
                .. folders.Select((folder, index) => MergedAdapter.Of(folder, adapters[index], weights[index]))];
            RequireNew(lineage);
            BaseCheck.Require(context, adapters, cancellationToken);
            kept = adapters is [var only] && weights is [1] ? only : CombinedAdapter.Of([.. adapters.Zip(weights)]);
            return (kept, lineage);
        }
        finally
        {
            adapters.Where(adapter => adapter != kept).ToList().ForEach(adapter => adapter.Dispose());
        }
    }

    private static IReadOnlyList<double> Weights(MergerParams with, int adapters) =>
        with.Weights.Count == 0 ? [.. Enumerable.Repeat(1.0, adapters)]
        : with.Weights.Count == adapters && with.Weights.All(double.IsFinite) ? with.Weights
        : throw new ModelException($"weights: has {with.Weights.Count} numbers, but there are {adapters} adapters; give one for each.");

    private static void RequireNew(IReadOnlyList<MergedAdapter> lineage)
    {
        if (lineage.GroupBy(one => one.Sha256).FirstOrDefault(same => same.Count() > 1) is { } twice)
        {
            throw new ModelException($"The adapter {twice.Key[..12]}… is in this base already ({MergeRecord.FileName}): merged again it "
                + "would count twice. Give the base that it was trained on.");
        }
    }

    private static TorchSharp.torch.ScalarType? TypeOf(WeightType? type) => type switch
    {
        WeightType.Float32 => TorchSharp.torch.ScalarType.Float32,
        WeightType.Bfloat16 => TorchSharp.torch.ScalarType.BFloat16,
        WeightType.Float16 => TorchSharp.torch.ScalarType.Float16,
        _ => null,
    };

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
