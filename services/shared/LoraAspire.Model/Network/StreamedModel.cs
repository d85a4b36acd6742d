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

    /// <summary>Logits [prompts][vocab] of what follows each prompt.</summary>
    /// <param name="adapter">Computed beside the base's layers; null for the folder alone.</param>
    /// <exception cref="ModelException">A file is broken, or the adapter was made for another base.</exception>
    public static float[][] LastLogits(string directory, IReadOnlyList<int[]> prompts, Adapter? adapter, IProgress<int>? layersDone = null,
        CancellationToken cancellationToken = default)
    {
        var config = ModelConfig.Load(directory);
        using var files = WeightFiles.Open(directory);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor Stored(string module, string other) =>
            adapter?.Saved.GetValueOrDefault(module) ?? (config.TieWordEmbeddings ? adapter?.Saved.GetValueOrDefault(other) : null)
            ?? files.Read((config.TieWordEmbeddings && !files.Has(module + Weight) ? other : module) + Weight);
        Tensor Read(string name, long[] shape) => adapter?.Saved.TryGetValue(name[..^Weight.Length], out var saved) is true
            ? saved.to_type(float32) : files.Read(name, shape, float32, CPU);

        var embedding = Stored(Embedding, Head);
        var rows = prompts.Select(ids => Embed(config, embedding, ids)).ToList();
        using Rope rope = new(config, CPU);
        for (var index = 0; index < config.NumHiddenLayers; index++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            var layer = DecoderLayer.Of(config, index, Read);
            foreach (var linear in adapter is null ? [] : layer.Linears)
            {
                if (adapter!.Layers.TryGetValue(linear.Name, out var own))
                {
                    linear.Attach(adapter, own);
                }
            }
            for (var i = 0; i < rows.Count; i++)
            {
                var length = prompts[i].Length;
                var (cos, sin) = rope.At(0, length, float32);
                var after = layer.Forward(rows[i], new(cos, sin, AttentionMasks.Of(config, 0, length, CPU), null, length > 1, false));
                rows[i].Dispose();
                rows[i] = after.MoveToOuterDisposeScope();
            }
            layer.Dispose();
            layersDone?.Report(index + 1);
        }
        RmsNorm norm = new(Read("model.norm" + Weight, [config.HiddenSize]), config.RmsNormEps, config.NormPlusOne);
        var last = cat([.. rows.Select(row => row.narrow(1, row.size(1) - 1, 1).view(1, -1))], 0);
        var logits = Logits(norm.Forward(last), config.TieWordEmbeddings ? embedding : Stored(Head, Embedding));
        logits = config.LogitCap is { } cap ? Activations.Cap(logits, cap) : logits;
        return [.. Enumerable.Range(0, prompts.Count).Select(row => logits.select(0, row).contiguous().data<float>().ToArray())];
    }

    private static Tensor Embed(ModelConfig config, Tensor embedding, int[] ids)
    {
        var x = embedding.index_select(0, tensor([.. ids.Select(id => (long)id)], int64)).to_type(float32).unsqueeze(0);
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
