using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using LoraAspire.Model.Native;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Trainer;
using LoraAspire.Trainer.Ranks;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks;

/// <summary>
/// A base in bfloat16, in shards, as the trainer loads it, the page cache warm; in turn with the floor: the same bytes from pinned memory
/// to the GPU, or on the CPU the files read on every core. <c>ratio</c> is the floor's time over the time taken.
/// </summary>
internal static class LoadBenchmark
{
    private const int PieceBytes = 4 << 20;

    public static Command Command()
    {
        var size = new Option<string>("--size")
        {
            Description = "0.2b (0.3 GB), 1.1b (3 GB) or 7b (13.5 GB).",
            DefaultValueFactory = _ => "0.2b"
        };
        size.AcceptOnlyFromAmong([.. RandomBase.Sizes.Keys]);
        var cpu = new Option<bool>("--cpu") { Description = "On the CPU, in float32, also where there is a GPU." };
        var held = new Option<BaseType>("--base-type")
        {
            Description = "What the base's linear layers are held in: bf16, fp8, int8 or nf4.",
            DefaultValueFactory = _ => BaseType.Bf16
        };
        var rounds = new Option<int>("--rounds") { Description = "Rounds of both.", DefaultValueFactory = _ => 3 };
        var folder = new Option<DirectoryInfo?>("--folder") { Description = "Where to write; the system's folder for temporary files." };
        var command = new Command("load", "Seconds to load a base as the trainer does, against a plain copy of its bytes.")
        {
            size, cpu, held, rounds, folder,
        };
        command.SetAction(parsed =>
            Run(parsed.GetValue(size)!, parsed.GetValue(cpu) ? CPU : ComputeDevice.Of("auto"), parsed.GetValue(held),
                parsed.GetValue(rounds), parsed.GetValue(folder)?.FullName ?? Path.GetTempPath()));
        return command;
    }

    private static void Run(string size, torch.Device device, BaseType held, int rounds, string root)
    {
        var folder = Directory.CreateDirectory(Path.Combine(root, $"lora-bench-{Guid.NewGuid():N}")).FullName;
        try
        {
            RandomBase.Sizes[size].Write(folder, size == "0.2b" ? 2 : 7);
            string[] files = [.. WeightFiles.TensorFiles(folder).Select(name => Path.Combine(folder, name))];
            var bytes = files.Sum(file => new FileInfo(file).Length);
            Read(files); // the page cache is warm
            Load(folder, device, held); // libtorch and the driver too
            var turns = InTurn.Measure(rounds,
                () => device.type == DeviceType.CUDA ? Copy(bytes) : Read(files),
                () => Load(folder, device, held));
            Console.WriteLine($"{bytes / 1e9:F2} GB in {files.Length} files onto {device} as {held}: {turns.Work:F2} s "
                + $"({turns.Least:F2} to {turns.Most:F2}), floor {turns.Reference:F2} s, ratio {turns.OfReference}");
            var ratio = turns.OfReference.Rounded();
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                name = "load",
                device = device.type == DeviceType.CUDA ? "cuda" : $"cpu, {Environment.ProcessorCount} cores",
                base_type = held.ToString().ToLowerInvariant(),
                gigabytes = Math.Round(bytes / 1e9, 3),
                seconds = Math.Round(turns.Work, 3),
                floor_s = Math.Round(turns.Reference, 3),
                gigabytes_per_s = Math.Round(bytes / 1e9 / turns.Work, 2),
                peak_rss_mb = Math.Round(Process.GetCurrentProcess().PeakWorkingSet64 / 1e6),
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

    /// <summary>Seconds until adapters are attached to it.</summary>
    private static double Load(string folder, torch.Device device, BaseType held)
    {
        TrainerParams settings = new() { BaseType = held, LoraTargetModules = ["q_proj", "k_proj", "v_proj", "o_proj"] };
        var start = Stopwatch.GetTimestamp();
        using var model = ModelInTraining.Open(folder, settings, device, DeviceGroup.Alone);
        if (device.type == DeviceType.CUDA)
        {
            cuda.synchronize();
        }
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Seconds for as many bytes out of one piece of pinned memory.</summary>
    private static double Copy(long bytes)
    {
        const long Piece = 256 << 20;
        using CudaQueue queue = new();
        using PinnedMemory from = new(Piece);
        using var to = empty([Piece], uint8, CUDA);
        cuda.synchronize();
        var start = Stopwatch.GetTimestamp();
        for (long done = 0; done < bytes; done += Piece)
        {
            queue.ToDevice(Aten.Data(to), from.Address, Math.Min(Piece, bytes - done));
        }
        queue.Wait();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Seconds to read the files, each core into memory of its own.</summary>
    private static double Read(string[] files)
    {
        var start = Stopwatch.GetTimestamp();
        foreach (var file in files)
        {
            using var handle = File.OpenHandle(file);
            var pieces = (RandomAccess.GetLength(handle) + PieceBytes - 1) / PieceBytes;
            Parallel.For(0L, pieces, () => new byte[PieceBytes], (piece, state, memory) =>
            {
                _ = RandomAccess.Read(handle, memory, piece * PieceBytes);
                return memory;
            }, _ => { });
        }
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
