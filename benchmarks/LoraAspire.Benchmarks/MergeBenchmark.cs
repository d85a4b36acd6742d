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
/// the base. The floor is what the copy does: every byte read and written once. <c>ratio</c> is ours over the copy's, the medians.
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
        var command = new Command("merge", "Merging and publishing a model against cp and sync of its base.") { size, rounds, folder };
        command.SetAction((parsed, cancellationToken) => RunAsync(s_shapes[parsed.GetValue(size)!], parsed.GetValue(rounds),
            parsed.GetValue(folder)?.FullName ?? Path.GetTempPath(), cancellationToken));
        return command;
    }

    private static async Task RunAsync(Shape shape, int rounds, string root, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateDirectory(Path.Combine(root, $"lora-bench-{Guid.NewGuid():N}")).FullName;
        try
        {
            var from = Directory.CreateDirectory(Path.Combine(folder, "base")).FullName;
            WriteBase(shape, from);
            await ShellAsync("sync", cancellationToken);
            using var adapter = MakeAdapter(shape);
            List<double> ours = [], copies = [];
            for (var round = 1; round <= rounds; round++)
            {
                var copy = Path.Combine(folder, "copy");
                copies.Add(await SecondsAsync(() => ShellAsync($"cp -r '{from}' '{copy}' && sync", cancellationToken)));
                Directory.Delete(copy, recursive: true);
                var store = Path.Combine(folder, "store");
                ours.Add(await SecondsAsync(() => Task.Run(() => Merge(from, adapter, folder, store, cancellationToken))));
                Directory.Delete(store, recursive: true);
                Console.WriteLine($"round {round}: cp and sync {copies[^1]:N2} s, merged and published {ours[^1]:N2} s");
            }
            var bytes = new FileInfo(Path.Combine(from, WeightFiles.Single)).Length;
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                name = "merge",
                device = "cpu",
                gigabytes = bytes / 1e9,
                copy_s = Rounds.Median(copies),
                ours_s = Rounds.Median(ours),
                gigabytes_per_s = bytes / 1e9 / Rounds.Median(ours),
                peak_rss_mb = Process.GetCurrentProcess().PeakWorkingSet64 / 1e6,
                ratio = Rounds.Median(ours) / Rounds.Median(copies),
            }));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Merge(string from, Adapter adapter, string folder, string store, CancellationToken cancellationToken)
    {
        var to = Directory.CreateDirectory(Path.Combine(folder, "merged")).FullName;
        var merged = MergedWeights.Write(from, adapter, to, 4L << 30, new Progress<StageProgress>(), cancellationToken);
        WrittenDigests digests = new();
        foreach (var (path, sha256) in merged.Digests)
        {
            digests.Add(path, sha256);
        }
        new ArtifactStore(store).Publish(to, ArtifactKind.Model, "merger@bench", digests, cancellationToken);
    }

    private static void WriteBase(Shape shape, string to)
    {
        long hidden = shape.Hidden;
        var layer = LayerLinears.Of(shape.Hidden, shape.Inner, shape.Hidden, shape.Hidden).All;
        var names = Enumerable.Range(0, shape.Layers)
            .SelectMany(i => layer.Select(linear => (linear.In(i), new long[] { linear.Outputs, linear.Inputs })))
            .Append(("model.embed_tokens", [shape.Vocabulary, hidden])).Append(("lm_head", [shape.Vocabulary, hidden]));
        SafetensorsWriter.Write(Path.Combine(to, WeightFiles.Single), names.Select(item =>
            new TensorSource(item.Item1 + ".weight", ScalarType.BFloat16, item.Item2, () => randn(item.Item2, ScalarType.BFloat16))));
    }

    private static Adapter MakeAdapter(Shape shape)
    {
        LoraConfig config = new(8, 16, 0, ["q_proj", "k_proj", "v_proj", "o_proj"]);
        var attention = LayerLinears.Of(shape.Hidden, shape.Inner, shape.Hidden, shape.Hidden).All.Take(4);
        return new(config, Enumerable.Range(0, shape.Layers).SelectMany(i => attention.Select(linear => linear.In(i)))
            .ToDictionary(layer => layer, layer => LayerAdapter.Of(config, layer, [randn(8, shape.Hidden), randn(shape.Hidden, 8)])));
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
