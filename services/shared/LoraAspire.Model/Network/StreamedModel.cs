using LoraAspire.Model.Adapters;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LoraAspire.Model.Network;

/// <summary>
/// A forward pass with the weights of one layer in memory at a time, in float32 on the CPU: what a model larger than the memory says, and
/// what base and adapter say without a merge.
/// </summary>
public static class StreamedModel
{
    private const string Embedding = "model.embed_tokens", Head = "lm_head", Weight = ".weight";

    /// <summary>Rows of the head that are widened at once.</summary>
    private const int HeadRows = 8192;

    /// <summary>Logits [prompts][vocab] of what follows each prompt, from the folder with each of these adapters; its weights are read
    /// once.</summary>
    /// <param name="adapters">Computed beside the base's layers; null for the folder alone.</param>
    /// <exception cref="ModelException">A file is broken, or an adapter was made for another base.</exception>
    public static IReadOnlyList<float[][]> LastLogits(string directory, IReadOnlyList<int[]> prompts, IReadOnlyList<Adapter?> adapters,
        IProgress<int>? layersDone = null, CancellationToken cancellationToken = default)
    {
        var config = ModelConfig.Load(directory);
        using var files = WeightFiles.Open(directory);
        using WideWeights weights = new(files);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using Rope rope = new(config, CPU);
        var batches = PromptBatch.Of(prompts, config, rope);
        // An adapter's own, or the folder's, which is read once for all that bring none.
        Func<Adapter?, Tensor> End(string module, string other)
        {
            var stored = files.Read((config.TieWordEmbeddings && !files.Has(module + Weight) ? other : module) + Weight);
            return adapter => adapter?.Saved.GetValueOrDefault(module)
                ?? (config.TieWordEmbeddings ? adapter?.Saved.GetValueOrDefault(other) : null) ?? stored;
        }
        List<Tensor[]> Embedded()
        {
            using var inner = NewDisposeScope();
            var embedding = End(Embedding, Head);
            return [.. adapters.Select(adapter => batches.Select(batch =>
                Embed(config, embedding(adapter), batch.Ids).MoveToOuterDisposeScope()).ToArray())];
        }
        Tensor Read(Adapter? adapter, string name, long[] shape) =>
            adapter?.Saved.TryGetValue(name[..^Weight.Length], out var saved) is true ? saved.to_type(float32) : weights.Read(name, shape);

        var rows = Embedded();
        for (var index = 0; index < config.NumHiddenLayers; index++)
        {
            DecoderLayer? layer = null;
            var isOwn = false;
            foreach (var (adapter, own) in adapters.Zip(rows))
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var inner = NewDisposeScope();
                // A layer that has had no adapter yet serves the next one too, unless one of the two brings weights of its own.
                if (layer is null || isOwn || layer.Linears.Any(linear => linear.Adapter is not null) || Brings(adapter, index))
                {
                    layer?.Dispose();
                    isOwn = Brings(adapter, index);
                    layer = DecoderLayer.Of(config, index, (name, shape) => Read(adapter, name, shape).DetachFromDisposeScope());
                }
                foreach (var linear in layer.Linears)
                {
                    if (adapter?.Layers.TryGetValue(linear.Name, out var change) is true)
                    {
                        linear.Attach(adapter, change);
                    }
                }
                foreach (var (at, batch) in batches.Index())
                {
                    var after = layer.Forward(own[at], batch.Pass);
                    own[at].Dispose();
                    own[at] = after.MoveToOuterDisposeScope();
                }
            }
            layer?.Dispose();
            layersDone?.Report(index + 1);
        }
        weights.Free(); // the head may be as large as a layer
        // A tied head is the embedding, whatever else the files hold; it is read again, not kept while the layers are computed.
        var head = config.TieWordEmbeddings ? End(Embedding, Head) : End(Head, Embedding);
        return [.. adapters.Zip(rows, (adapter, own) =>
        {
            using var inner = NewDisposeScope();
            using RmsNorm norm = new(Read(adapter, "model.norm" + Weight, [config.HiddenSize]), config.RmsNormEps, config.NormPlusOne);
            var last = cat([.. batches.Zip(own, (batch, x) => batch.Last(x))], 0);
            var logits = Logits(norm.Forward(last), head(adapter));
            logits = config.LogitCap is { } cap ? Activations.Cap(logits, cap) : logits;
            var found = new float[prompts.Count][];
            foreach (var (row, prompt) in batches.SelectMany(batch => batch.Prompts).Index())
            {
                found[prompt] = logits.select(0, row).contiguous().data<float>().ToArray();
            }
            return found;
        })];
    }

    private static bool Brings(Adapter? adapter, int layer) =>
        adapter?.Saved.Keys.Any(module => module.StartsWith($"model.layers.{layer}.", StringComparison.Ordinal)) is true;

    private static Tensor Embed(ModelConfig config, Tensor embedding, Tensor ids)
    {
        var x = embedding.index_select(0, ids.view(-1)).to_type(float32).view(ids.size(0), ids.size(1), -1);
        return config.EmbeddingScale == 1 ? x : x.mul(tensor(config.EmbeddingScale, float32));
    }

    private static Tensor Logits(Tensor hidden, Tensor head)
    {
        List<Tensor> parts = [];
        for (long row = 0; row < head.size(0); row += HeadRows)
        {
            using var scope = NewDisposeScope();
            parts.Add(F.linear(hidden, head.narrow(0, row, Math.Min(HeadRows, head.size(0) - row)).to_type(float32))
                .MoveToOuterDisposeScope());
        }
        return cat(parts, -1);
    }
}
