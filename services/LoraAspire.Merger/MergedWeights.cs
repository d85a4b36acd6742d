using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;
using Tensor = TorchSharp.torch.Tensor;

namespace LoraAspire.Merger;

/// <summary>Writes the merged weights, one tensor in memory at a time. The base is only read.</summary>
public static class MergedWeights
{
    /// <exception cref="ModelException">The adapter belongs to another base, or a file is broken. Nothing half-done is of use then: the
    /// caller drops the folder.</exception>
    public static void Write(
        string baseFolder, Adapter adapter, string to, long maxShardBytes,
        IProgress<StageProgress> report, CancellationToken cancellationToken)
    {
        using var weights = WeightFiles.Open(baseFolder);
        // Old checkpoints store this table of rope's frequencies, which every loader computes by itself.
        var entries = weights.Tensors.Where(entry => !entry.Name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal))
            .OrderBy(entry => entry.Name, StringComparer.Ordinal).ToList();
        RequireSameBase(adapter, entries, baseFolder);
        RequireReplaceable(adapter, baseFolder, entries);

        var layers = adapter.Layers.Keys.ToDictionary(layer => layer + ".weight", StringComparer.Ordinal);
        var saved = adapter.Saved.ToDictionary(module => module.Key + ".weight", module => module.Value, StringComparer.Ordinal);
        var done = 0;
        Tensor Make(string name)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var tensor = weights.Read(name);
            var merged = layers.TryGetValue(name, out var layer) ? adapter.Merge(layer, tensor)
                : saved.TryGetValue(name, out var whole) ? whole.to_type(tensor.dtype)
                : tensor;
            report.Report(new StageProgress("tensors", ++done, entries.Count));
            return merged;
        }

        var shards = Shards([.. entries.Select(entry => new TensorSource(entry.Name, entry.Dtype, entry.Shape, () => Make(entry.Name)))],
            maxShardBytes);
        var names = shards.Select(
            (_, index) => shards.Count == 1 ? WeightFiles.Single : $"model-{index + 1:D5}-of-{shards.Count:D5}.safetensors").ToList();
        DiskSpace.Require(to, shards.Sum(shard => shard.Sum(tensor => tensor.Bytes)), "The merged model");
        for (var i = 0; i < shards.Count; i++)
        {
            SafetensorsWriter.Write(Path.Combine(to, names[i]), shards[i]);
        }
        if (shards.Count > 1)
        {
            WriteIndex(Path.Combine(to, WeightFiles.Index), shards, names);
        }
        RequireReadsBack(to, entries);
        var scales = adapter.Layers.Values.Select(layer => layer.Scale).Distinct().Order().Select(scale => $"{scale:0.####}");
        report.Report(
            new StageProgress(
                Message: $"merged {layers.Count} layers at "
                    + $"scale {string.Join(", ", scales)}"
                    + $"{(saved.Count > 0 ? $", replaced {string.Join(", ", adapter.Saved.Keys)}," : "")} into {entries.Count} tensors"));
    }

    private static void RequireSameBase(Adapter adapter, IEnumerable<TensorEntry> entries, string baseFolder)
    {
        var known = entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
        foreach (var (layer, own) in adapter.Layers)
        {
            if (!known.TryGetValue(layer + ".weight", out var weight))
            {
                throw new ModelException(
                    $"The adapter was made for another base: it changes {layer}.weight, which {baseFolder} doesn't have.");
            }
            own.RequireFits(weight.Name, weight.Shape);
        }
    }

    /// <summary>A module trained whole takes the place of the base's; where two share one weight, that would change both.</summary>
    private static void RequireReplaceable(Adapter adapter, string baseFolder, IEnumerable<TensorEntry> entries)
    {
        if (adapter.Saved.Count > 0 && ModelConfig.Load(baseFolder).TieWordEmbeddings)
        {
            throw new ModelException($"The adapter holds {string.Join(", ", adapter.Saved.Keys)}, but {baseFolder} shares one weight "
                + "between embedding and head (tie_word_embeddings): they can't be merged.");
        }
        var known = entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
        foreach (var (module, weight) in adapter.Saved)
        {
            if (!known.TryGetValue(module + ".weight", out var entry) || !entry.Shape.SequenceEqual(weight.shape))
            {
                throw new ModelException($"The adapter was made for another base: its {module} is [{string.Join(", ", weight.shape)}], "
                    + $"and {baseFolder} has {(entry is null ? "none" : $"[{string.Join(", ", entry.Shape)}]")}.");
            }
        }
    }

    /// <summary>Tensors in order, as many to a file as fit; one that is larger than a file gets its own.</summary>
    private static List<List<TensorSource>> Shards(IReadOnlyList<TensorSource> tensors, long maxBytes)
    {
        List<List<TensorSource>> shards = [[]];
        long bytes = 0;
        foreach (var tensor in tensors)
        {
            if (bytes + tensor.Bytes > maxBytes && shards[^1].Count > 0)
            {
                shards.Add([]);
                bytes = 0;
            }
            shards[^1].Add(tensor);
            bytes += tensor.Bytes;
        }
        return shards;
    }

    private static void WriteIndex(string path, List<List<TensorSource>> shards, List<string> names)
    {
        var index = new
        {
            metadata = new { total_size = shards.Sum(shard => shard.Sum(tensor => tensor.Bytes)) },
            weight_map = new SortedDictionary<string, string>(
                shards.SelectMany((shard, i) => shard.Select(tensor => KeyValuePair.Create(tensor.Name, names[i])))
                    .ToDictionary(), StringComparer.Ordinal),
        };
        File.WriteAllText(path, JsonSerializer.Serialize(index, new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }

    /// <summary>What was written has the base's tensors, all of them and no other, with their types and shapes.</summary>
    private static void RequireReadsBack(string folder, IEnumerable<TensorEntry> entries)
    {
        using var written = WeightFiles.Open(folder);
        static string Describe(TensorEntry entry) => $"{entry.Name} {entry.Dtype} [{string.Join(", ", entry.Shape)}]";
        var differing = entries.Select(Describe).Except(written.Tensors.Select(Describe))
            .Concat(written.Tensors.Select(Describe).Except(entries.Select(Describe))).ToList();
        if (differing.Count > 0)
        {
            throw new ModelException($"{folder}: doesn't read back as it was written: {string.Join("; ", differing.Take(5))}.");
        }
    }
}
