using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;
using static TorchSharp.torch;

namespace LoraAspire.Merger;

/// <summary>What was written.</summary>
/// <param name="Digests">File → SHA-256 in lower-case hex, taken while it was written.</param>
/// <param name="Vocabulary">Rows of the embedding before and after, where the adapter's vocabulary is of another size than the
/// base's.</param>
public sealed record MergedModel(IReadOnlyDictionary<string, string> Digests, (long Before, long After)? Vocabulary);

/// <summary>
/// Writes the merged weights, few tensors in memory at a time. The base is only read; what has no adapter is copied by the system. Making,
/// writing, hashing and the disk overlap.
/// </summary>
public static class MergedWeights
{
    /// <exception cref="ModelException">The adapter belongs to another base, or a file is broken. Nothing half-done is of use then: the
    /// caller drops the folder.</exception>
    public static MergedModel Write(
        string baseFolder, Adapter adapter, string to, long maxShardBytes,
        IProgress<StageProgress> report, CancellationToken cancellationToken) =>
        Write(baseFolder, adapter, to, maxShardBytes, null, report, cancellationToken);

    /// <inheritdoc cref="Write(string, Adapter, string, long, IProgress{StageProgress}, CancellationToken)"/>
    /// <param name="type">Of the merged weights; null keeps each in the base's.</param>
    public static MergedModel Write(
        string baseFolder, Adapter adapter, string to, long maxShardBytes, ScalarType? type,
        IProgress<StageProgress> report, CancellationToken cancellationToken)
    {
        using var weights = WeightFiles.Open(baseFolder);
        // Old checkpoints store this table of rope's frequencies, which every loader computes by itself.
        var entries = weights.Tensors.Where(entry => !entry.Name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal))
            .OrderBy(entry => entry.Name, StringComparer.Ordinal).ToList();
        var plan = new MergePlan(adapter, baseFolder, entries);
        var done = 0;
        void Next()
        {
            cancellationToken.ThrowIfCancellationRequested();
            report.Report(new StageProgress("tensors", ++done, entries.Count));
        }
        Tensor Make(TensorEntry entry)
        {
            Next();
            return plan.Make(entry, name => weights.Read(name).to_type(Wide(entry))).to_type(TypeOf(entry));
        }
        ScalarType TypeOf(TensorEntry entry) => type is { } wanted && IsFloating(entry.Dtype) ? wanted : entry.Dtype;
        // Rounded once, to the type that is written.
        ScalarType Wide(TensorEntry entry) => TypeOf(entry) == entry.Dtype ? entry.Dtype : ScalarType.Float32;
        FileRange Keep(FileRange range)
        {
            Next();
            return range;
        }

        List<TensorSource> tensors =
            [.. entries.Select(entry => new TensorSource(entry.Name, TypeOf(entry), plan.ShapeOf(entry), () => Make(entry))
            {
                Bytes = plan.Keeps(entry) && TypeOf(entry) == entry.Dtype && weights.Range(entry.Name) is { } range
                    ? () => Keep(range) : null,
                Check = new(TypeOf(entry)),
            })];
        var shards = Shards(tensors, maxShardBytes);
        var names = shards.Select(
            (_, index) => shards.Count == 1 ? WeightFiles.Single : $"model-{index + 1:D5}-of-{shards.Count:D5}.safetensors").ToList();
        DiskSpace.Require(to, shards.Sum(shard => shard.Sum(tensor => tensor.Size)), "The merged model");
        // The disk takes a file while the next one is made.
        var written = new List<Task<string>>();
        for (var i = 0; i < shards.Count; i++)
        {
            written.Add(SafetensorsWriter.WriteAsync(Path.Combine(to, names[i]), shards[i]));
        }
        var digests = Task.WhenAll(written).GetAwaiter().GetResult().Zip(names)
            .ToDictionary(file => Path.Combine(to, file.Second), file => file.First);
        if (shards.Count > 1)
        {
            WriteIndex(Path.Combine(to, WeightFiles.Index), shards, names);
        }
        RequireReadsBack(to, tensors);
        Report(adapter, entries.Count, report);
        return new(digests, plan.Vocabulary is { } rows ? (plan.BaseVocabulary, rows) : null);
    }

    private static bool IsFloating(ScalarType type) =>
        type is ScalarType.Float64 or ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16;

    private static void Report(Adapter adapter, int tensors, IProgress<StageProgress> report)
    {
        var scales = string.Join(", ", adapter.Layers.Values.Select(layer => layer.Scale).Distinct().Order()
            .Select(scale => $"{scale:0.####}"));
        var replaced = adapter.Saved.Count > 0 ? $", replaced {string.Join(", ", adapter.Saved.Keys)}," : "";
        var start = adapter.Config.Start is { ChangesBase: true } changing
            ? $", each without the start that init_lora_weights '{changing.Name}' takes out of the base," : "";
        report.Report(new StageProgress(
            Message: $"merged {adapter.Layers.Count} layers at scale {scales}{start}{replaced} into {tensors} tensors"));
    }

    /// <summary>Tensors in order, as many to a file as fit; one that is larger than a file gets its own.</summary>
    private static List<List<TensorSource>> Shards(IReadOnlyList<TensorSource> tensors, long maxBytes)
    {
        List<List<TensorSource>> shards = [[]];
        long bytes = 0;
        foreach (var tensor in tensors)
        {
            if (bytes + tensor.Size > maxBytes && shards[^1].Count > 0)
            {
                shards.Add([]);
                bytes = 0;
            }
            shards[^1].Add(tensor);
            bytes += tensor.Size;
        }
        return shards;
    }

    private static void WriteIndex(string path, List<List<TensorSource>> shards, List<string> names)
    {
        var index = new
        {
            metadata = new { total_size = shards.Sum(shard => shard.Sum(tensor => tensor.Size)) },
            weight_map = new SortedDictionary<string, string>(
                shards.SelectMany((shard, i) => shard.Select(tensor => KeyValuePair.Create(tensor.Name, names[i])))
                    .ToDictionary(), StringComparer.Ordinal),
        };
        File.WriteAllText(path, JsonSerializer.Serialize(index, new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }

    /// <summary>What was written has the tensors that were announced, all of them and no other, with their types and shapes.</summary>
    private static void RequireReadsBack(string folder, IEnumerable<TensorSource> tensors)
    {
        using var written = WeightFiles.Open(folder);
        static string Describe(string name, ScalarType type, IReadOnlyList<long> shape) => $"{name} {type} [{string.Join(", ", shape)}]";
        var expected = tensors.Select(tensor => Describe(tensor.Name, tensor.Dtype, tensor.Shape)).ToHashSet();
        expected.SymmetricExceptWith(written.Tensors.Select(entry => Describe(entry.Name, entry.Dtype, entry.Shape)));
        var differing = expected.Order(StringComparer.Ordinal).ToList();
        if (differing.Count > 0)
        {
            throw new ModelException($"{folder}: doesn't read back as it was written: {string.Join("; ", differing.Take(5))}.");
        }
    }
}
