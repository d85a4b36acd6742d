using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
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
/// Writes the merged weights, few rows in memory at a time. The base is only read. Several files are made at once; making and writing,
/// hashing, and the disk overlap.
/// </summary>
public static class MergedWeights
{
    private const int MostFilesAtOnce = 4;

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
        var plan = new MergePlan(adapter, weights, entries);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Lock turn = new();
        var done = 0;
        ScalarType TypeOf(TensorEntry entry) => type is { } wanted && entry.IsFloating ? wanted : entry.Dtype;
        TensorBytes Open(TensorEntry entry)
        {
            stop.Token.ThrowIfCancellationRequested();
            lock (turn)
            {
                report.Report(new StageProgress("tensors", ++done, entries.Count));
            }
            return plan.Open(entry, TypeOf(entry));
        }

        List<TensorSource> tensors =
            [.. entries.Select(entry => new TensorSource(entry.Name, TypeOf(entry), plan.ShapeOf(entry), () => Open(entry))
            {
                Check = new(TypeOf(entry)),
            })];
        var shards = Shards(tensors, maxShardBytes);
        var names = shards.Select(
            (_, index) => shards.Count == 1 ? WeightFiles.Single : $"model-{index + 1:D5}-of-{shards.Count:D5}.safetensors").ToList();
        DiskSpace.Require(to, shards.Sum(shard => shard.Sum(tensor => tensor.Size)), "The merged model");
        var digests = WriteAll([.. names.Select(name => Path.Combine(to, name)).Zip(shards)], stop);
        if (shards.Count > 1)
        {
            WriteIndex(Path.Combine(to, WeightFiles.Index), shards, names);
        }
        RequireReadsBack(to, tensors);
        Report(adapter, entries.Count, report);
        return new(digests, plan.Vocabulary is { } rows ? (plan.BaseVocabulary, rows) : null);
    }

    /// <summary>
    /// Several files at once, each on a thread of its own, since one file's SHA-256 is slower than memory and many disks.
    /// </summary>
    /// <returns>File → digest.</returns>
    private static Dictionary<string, string> WriteAll(IReadOnlyList<(string Path, List<TensorSource> Tensors)> files,
        CancellationTokenSource stop)
    {
        ConcurrentDictionary<string, Task<string>> written = [];
        try
        {
            // Blocks of one, so that the files are written in order; each has a second thread for its hash.
            Parallel.ForEach(Partitioner.Create(files, EnumerablePartitionerOptions.NoBuffering),
                new() { MaxDegreeOfParallelism = Math.Clamp(Environment.ProcessorCount / 2, 1, MostFilesAtOnce) }, file =>
            {
                try
                {
                    stop.Token.ThrowIfCancellationRequested();
                    // The disk takes a file while the next one is made.
                    written[file.Path] = SafetensorsWriter.WriteAsync(file.Path, file.Tensors);
                }
                catch
                {
                    stop.Cancel(); // the others needn't go on
                    throw;
                }
            });
        }
        catch (AggregateException all)
        {
            ExceptionDispatchInfo.Throw(all.InnerExceptions.FirstOrDefault(error => error is not OperationCanceledException)
                ?? all.InnerExceptions[0]);
        }
        finally
        {
            Task.WaitAll([.. written.Values.Select(flush => flush.ContinueWith(_ => { }, TaskScheduler.Default))]);
        }
        return written.ToDictionary(file => file.Key, file => file.Value.GetAwaiter().GetResult());
    }

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
