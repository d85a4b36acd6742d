using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using LoraAspire.Merger;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks;

/// <summary>
/// A base in bfloat16 and an adapter on q, k, v and o: merged and published as a run does it, in turn with <c>cp -r</c> and <c>sync</c> of
/// the base. The floor is what the copy does, every byte read and written once, and one SHA-256 of each file, <c>hash_s</c> for them all
/// on one core. <c>proof_s</c> is the comparison of merged model, base and adapter on ten prompts.
/// </summary>
internal static class MergeBenchmark
{
    private sealed record Shape(int Hidden, int Inner, int Layers, int Vocabulary);

    private static readonly Dictionary<string, Shape> s_shapes = new(StringComparer.Ordinal)
    {
        ["1.1b"] = new(2048, 5632, 26, 32_000),
        ["7b"] = new(4096, 11_008, 32, 32_000),
    };

    public static Command Command()
    {
        var size = new Option<string>("--size") { Description = "1.1b (3 GB) or 7b (13.5 GB).", DefaultValueFactory = _ => "1.1b" };
        size.AcceptOnlyFromAmong([.. s_shapes.Keys]);
        var rounds = new Option<int>("--rounds") { Description = "Rounds of both.", DefaultValueFactory = _ => 3 };
        var folder = new Option<DirectoryInfo?>("--folder") { Description = "Where to write; the system's folder for temporary files." };
        var rank = new Option<int>("--rank") { Description = "Of the adapter.", DefaultValueFactory = _ => 8 };
        var prove = new Option<bool>("--prove") { Description = "Also times the comparison that follows a merge, once." };
        var command = new Command("merge", "Merging and publishing a model against cp and sync of its base.")
        {
            size, rounds, folder, rank, prove,
        };
        command.SetAction((parsed, cancellationToken) => RunAsync(s_shapes[parsed.GetValue(size)!], parsed.GetValue(rounds),
            parsed.GetValue(folder)?.FullName ?? Path.GetTempPath(), parsed.GetValue(rank), parsed.GetValue(prove), cancellationToken));
        return command;
    }

    private static async Task RunAsync(Shape shape, int rounds, string root, int rank, bool prove, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateDirectory(Path.Combine(root, $"lora-bench-{Guid.NewGuid():N}")).FullName;
        try
        {
            var from = Directory.CreateDirectory(Path.Combine(folder, "base")).FullName;
            WriteBase(shape, from);
            await ShellAsync("sync", cancellationToken);
            using var adapter = MakeAdapter(shape, rank);
            List<double> ours = [], copies = [], hashes = [], proofs = [];
            for (var round = 1; round <= rounds; round++)
            {
                var copy = Path.Combine(folder, "copy");
                copies.Add(await SecondsAsync(() => ShellAsync($"cp -r '{from}' '{copy}' && sync", cancellationToken)));
                Directory.Delete(copy, recursive: true);
                var store = Path.Combine(folder, "store");
                var merged = "";
                ours.Add(await SecondsAsync(() => Task.Run(() => merged = Merge(from, adapter, folder, store, cancellationToken))));
                if (round == 1)
                {
                    hashes.Add(await SecondsAsync(() => Task.Run(() => FileDigest.Of(Path.Combine(from, WeightFiles.Single)))));
                }
                if (round == 1 && prove)
                {
                    proofs.Add(await SecondsAsync(() => Task.Run(() => Prove(shape, from, adapter, merged, cancellationToken))));
                }
                Directory.Delete(store, recursive: true);
                Console.WriteLine($"round {round}: cp and sync {copies[^1]:N2} s, merged and published {ours[^1]:N2} s");
            }
            var ratio = ours.Over(copies);
            var bytes = new FileInfo(Path.Combine(from, WeightFiles.Single)).Length;
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                name = "merge",
                device = "cpu",
                gigabytes = bytes / 1e9,
                copy_s = Rounds.Median(copies),
                ours_s = Rounds.Median(ours),
                gigabytes_per_s = bytes / 1e9 / Rounds.Median(ours),
                hash_s = hashes[0],
                proof_s = proofs.Cast<double?>().FirstOrDefault(),
                peak_rss_mb = Process.GetCurrentProcess().PeakWorkingSet64 / 1e6,
                ratio = ratio.Median,
                ratio_least = ratio.Least,
                ratio_most = ratio.Most,
            }));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <returns>The folder of the merged model.</returns>
    private static string Merge(string from, Adapter adapter, string folder, string store, CancellationToken cancellationToken)
    {
        var to = Directory.CreateDirectory(Path.Combine(folder, "merged")).FullName;
        var merged = MergedWeights.Write(from, adapter, to, 4L << 30, new Progress<StageProgress>(), cancellationToken);
        WrittenDigests digests = new();
        foreach (var (path, sha256) in merged.Digests)
        {
            digests.Add(path, sha256);
        }
        ArtifactStore published = new(store);
        return published.Folder(published.Publish(to, ArtifactKind.Model, "merger@bench", digests, cancellationToken));
    }

    /// <summary>What <see cref="MergeProof"/> computes, on ten prompts of 24 tokens.</summary>
    private static void Prove(Shape shape, string from, Adapter adapter, string merged, CancellationToken cancellationToken)
    {
        int[][] prompts = [.. Enumerable.Range(0, 10).Select(prompt =>
            Enumerable.Range(0, 24).Select(at => (prompt * 997 + at * 31) % shape.Vocabulary).ToArray())];
        var config = File.ReadAllText(Path.Combine(from, "config.json"));
        File.WriteAllText(Path.Combine(merged, "config.json"), config);
        StreamedModel.LastLogits(from, prompts, [null, adapter], cancellationToken: cancellationToken);
        StreamedModel.LastLogits(merged, prompts, [null], cancellationToken: cancellationToken);
    }

    private static void WriteBase(Shape shape, string to)
    {
        long hidden = shape.Hidden;
        var layer = LayerLinears.Of(shape.Hidden, shape.Inner, shape.Hidden, shape.Hidden).All;
        var names = Enumerable.Range(0, shape.Layers)
            .SelectMany(i => layer.Select(linear => (linear.In(i), new long[] { linear.Outputs, linear.Inputs })))
            .Append(("model.embed_tokens", [shape.Vocabulary, hidden])).Append(("lm_head", [shape.Vocabulary, hidden]));
        var norms = Enumerable.Range(0, shape.Layers)
            .SelectMany(i => new[] { "input", "post_attention" }.Select(at => $"model.layers.{i}.{at}_layernorm"))
            .Append("model.norm").Select(norm => (norm, new[] { hidden }));
        File.WriteAllText(Path.Combine(to, "config.json"), JsonSerializer.Serialize(new
        {
            model_type = "llama",
            hidden_size = hidden,
            intermediate_size = shape.Inner,
            num_hidden_layers = shape.Layers,
            num_attention_heads = hidden / 128,
            vocab_size = shape.Vocabulary,
            max_position_embeddings = 2048,
            rms_norm_eps = 1e-5,
            torch_dtype = "bfloat16",
        }));
        // The same numbers everywhere: drawing all of them would take longer than the benchmark.
        using var noise = randn(names.Max(item => item.Item2.Aggregate((a, b) => a * b)), ScalarType.BFloat16);
        SafetensorsWriter.Write(Path.Combine(to, WeightFiles.Single), names.Concat(norms).Select(item => new TensorSource(
            item.Item1 + ".weight", ScalarType.BFloat16, item.Item2,
            () => noise.narrow(0, 0, item.Item2.Aggregate((a, b) => a * b)).view(item.Item2))));
    }

    private static Adapter MakeAdapter(Shape shape, int rank)
    {
        LoraConfig config = new(rank, 2 * rank, 0, ["q_proj", "k_proj", "v_proj", "o_proj"]);
        var attention = LayerLinears.Of(shape.Hidden, shape.Inner, shape.Hidden, shape.Hidden).All.Take(4);
        return new(config, Enumerable.Range(0, shape.Layers).SelectMany(i => attention.Select(linear => linear.In(i)))
            .ToDictionary(layer => layer, layer => LayerAdapter.Of(config, layer, [randn(rank, shape.Hidden), randn(shape.Hidden, rank)])));
    }

    private static async Task<double> SecondsAsync(Func<Task> work)
    {
        var start = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static async Task ShellAsync(string command, CancellationToken cancellationToken)
    {
        using var shell = Process.Start("/bin/sh", ["-c", command]);
        await shell.WaitForExitAsync(cancellationToken);
        if (shell.ExitCode != 0)
        {
            throw new InvalidOperationException($"'{command}' ended with {shell.ExitCode}.");
        }
    }
}
