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
    public static Command Command()
    {
        var size = new Option<string>("--size")
        {
            Description = "0.2b (0.3 GB), 1.1b (3 GB) or 7b (13.5 GB).",
            DefaultValueFactory = _ => "1.1b",
        };
        size.AcceptOnlyFromAmong([.. RandomBase.Sizes.Keys]);
        var rounds = new Option<int>("--rounds") { Description = "Rounds of both.", DefaultValueFactory = _ => 3 };
        var folder = new Option<DirectoryInfo?>("--folder") { Description = "Where to write; the system's folder for temporary files." };
        var rank = new Option<int>("--rank") { Description = "Of the adapter.", DefaultValueFactory = _ => 8 };
        var prove = new Option<bool>("--prove") { Description = "Also times the comparison that follows a merge, once." };
        var command = new Command("merge", "Merging and publishing a model against cp and sync of its base.")
        {
            size, rounds, folder, rank, prove,
        };
        command.SetAction((parsed, cancellationToken) => RunAsync(RandomBase.Sizes[parsed.GetValue(size)!], parsed.GetValue(rounds),
            parsed.GetValue(folder)?.FullName ?? Path.GetTempPath(), parsed.GetValue(rank), parsed.GetValue(prove), cancellationToken));
        return command;
    }

    private static async Task RunAsync(RandomBase shape, int rounds, string root, int rank, bool prove, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateDirectory(Path.Combine(root, $"lora-bench-{Guid.NewGuid():N}")).FullName;
        try
        {
            var from = Directory.CreateDirectory(Path.Combine(folder, "base")).FullName;
            shape.Write(from);
            await ShellAsync("sync", cancellationToken);
            using var adapter = MakeAdapter(shape, rank);
            InTurn turns = new();
            double? hash = null, proof = null;
            for (var round = 1; round <= rounds; round++)
            {
                var copy = Path.Combine(folder, "copy");
                var copied = await SecondsAsync(() => ShellAsync($"cp -r '{from}' '{copy}' && sync", cancellationToken));
                Directory.Delete(copy, recursive: true);
                var store = Path.Combine(folder, "store");
                var merged = "";
                var ours = await SecondsAsync(() => Task.Run(() => merged = Merge(from, adapter, folder, store, cancellationToken)));
                turns.Add(ours, copied);
                if (round == 1)
                {
                    hash = await SecondsAsync(() => Task.Run(() => FileDigest.Of(Path.Combine(from, WeightFiles.Single))));
                }
                if (round == 1 && prove)
                {
                    proof = await SecondsAsync(() => Task.Run(() => Prove(shape, from, adapter, merged, cancellationToken)));
                }
                Directory.Delete(store, recursive: true);
                Console.WriteLine($"round {round}: cp and sync {copied:N2} s, merged and published {ours:N2} s");
            }
            var ratio = turns.OverReference;
            var bytes = new FileInfo(Path.Combine(from, WeightFiles.Single)).Length;
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                name = "merge",
                device = "cpu",
                gigabytes = bytes / 1e9,
                copy_s = turns.Reference,
                ours_s = turns.Work,
                gigabytes_per_s = bytes / 1e9 / turns.Work,
                hash_s = hash,
                proof_s = proof,
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
    private static void Prove(RandomBase shape, string from, Adapter adapter, string merged, CancellationToken cancellationToken)
    {
        int[][] prompts = [.. Enumerable.Range(0, 10).Select(prompt =>
            Enumerable.Range(0, 24).Select(at => (prompt * 997 + at * 31) % shape.Vocabulary).ToArray())];
        var config = File.ReadAllText(Path.Combine(from, "config.json"));
        File.WriteAllText(Path.Combine(merged, "config.json"), config);
        StreamedModel.LastLogits(from, prompts, [null, adapter], cancellationToken: cancellationToken);
        StreamedModel.LastLogits(merged, prompts, [null], cancellationToken: cancellationToken);
    }

    private static Adapter MakeAdapter(RandomBase shape, int rank)
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
