using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Generation.Cuda;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks.Serve;

/// <summary>
/// Serving on a GPU in bfloat16, random weights of Llama-2-7B's shape, drawn on the device: callers that all begin at once, each with a
/// prompt of its own. The floor of a decoding step is its bytes, the weights and the keys and values of every caller, at this card's own
/// copying bandwidth, measured in the same process in turn with the callers; <c>ratio</c> is the floor's time over
/// the time taken.
/// </summary>
internal static class GpuServe
{
    public static Command Command()
    {
        var callers = new Option<int[]>("--callers")
        {
            Description = "Numbers of callers, one row each.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [1, 16, 64],
        };
        var prompt = new Option<int>("--prompt") { Description = "Tokens of each prompt.", DefaultValueFactory = _ => 128 };
        var length = new Option<int>("--new") { Description = "Tokens that each caller gets.", DefaultValueFactory = _ => 128 };
        var temperature = new Option<double>("--temperature") { Description = "0 is greedy; above, with top-k 40 and top-p 0.9." };
        var kernels = new Option<string?>("--kernels") { Description = "A folder whose .cu files are used instead of the built-in ones." };
        var plain = new Option<bool>("--no-graphs") { Description = "Every kernel is launched by itself." };
        var rounds = new Option<int>("--rounds")
        {
            Description = "Of each number of callers, in turn with copies on the card.",
            DefaultValueFactory = _ => 3,
        };
        var folder = new Option<string?>("--load-from")
        {
            Description = "Also writes the weights into a new folder below this one (13.5 GB, removed at the end) and times loading them, "
                + "page cache warm.",
        };
        var command = new Command("serve-gpu", "Tokens a second of serving a 7B model on a GPU, by number of callers, and its loading.")
        {
            callers, prompt, length, temperature, kernels, plain, rounds, folder,
        };
        command.SetAction(parsed => Run(parsed.GetValue(callers)!, new Load(parsed.GetValue(prompt), parsed.GetValue(length),
            parsed.GetValue(temperature), parsed.GetValue(rounds)),
            new CudaOptions { KernelFolder = parsed.GetValue(kernels), Graphs = !parsed.GetValue(plain), CacheBytes = 40L << 30 },
            parsed.GetValue(folder)));
        return command;
    }

    private sealed record Load(int Prompt, int New, double Temperature, int Rounds);

    private sealed record Row(int Callers, double TokensPerSecond, double DecodingPerSecond, double PromptSeconds, double StepMs,
        double FloorMs, Ratio Ratio);

    private static void Run(int[] callers, Load load, CudaOptions options, string? parent)
    {
        var folder = parent is null ? null : Path.Combine(parent, $"lora-bench-{Guid.NewGuid():N}");
        try
        {
            Measure(callers, load, options, folder);
        }
        finally
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private static void Measure(int[] callers, Load load, CudaOptions options, string? folder)
    {
        var bandwidths = new List<double>();
        var rows = new List<Row>();
        double? seconds = null;
        using (var model = LlamaModel.Initialize(Shapes.Llama7B, ComputeDevice.Of("cuda"), bfloat16, seed: 42, onDevice: true))
        {
            using (var executor = CudaExecutor.Of(model, options))
            {
                Console.WriteLine($"{executor.Description}, {executor.Blocks} blocks");
                foreach (var count in callers)
                {
                    Serve(executor, count, load with { New = Math.Min(load.New, 8) }); // graphs, first calls
                    List<Row> measured = [];
                    var turns = InTurn.Measure(load.Rounds, () =>
                    {
                        bandwidths.Add(Bandwidth());
                        return Floor(model, count, load, bandwidths[^1]);
                    }, () =>
                    {
                        measured.Add(Serve(executor, count, load));
                        return measured[^1].StepMs;
                    });
                    rows.Add(measured.OrderBy(one => one.StepMs).ElementAt(measured.Count / 2) with
                    {
                        FloorMs = Math.Round(turns.Reference, 3),
                        Ratio = turns.OfReference.Rounded(),
                    });
                    Console.WriteLine(JsonSerializer.Serialize(rows[^1]));
                }
            }
            if (folder is not null)
            {
                var start = Stopwatch.GetTimestamp();
                ModelFolder.Write(folder, model);
                Console.WriteLine($"written in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s");
            }
        }
        if (folder is not null)
        {
            seconds = LoadTime(folder, options);
        }
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            name = "serve gpu",
            device = "cuda",
            prompt = load.Prompt,
            new_tokens = load.New,
            rows = rows.Select(row => new
            {
                callers = row.Callers,
                tokens_per_second = row.TokensPerSecond,
                decoding_per_second = row.DecodingPerSecond,
                prompt_seconds = row.PromptSeconds,
                step_ms = row.StepMs,
                floor_ms = row.FloorMs,
                ratio = row.Ratio.Median,
                ratio_least = row.Ratio.Least,
                ratio_most = row.Ratio.Most,
            }),
            load_seconds = seconds,
            bandwidth_tbs = bandwidths.Count == 0 ? 0 : Math.Round(InTurn.Median(bandwidths) / 1e12, 3),
            ratio = rows.Count == 0 ? 0 : rows[0].Ratio.Median,
        }));
    }

    /// <summary>Every caller's prompt, then steps of one token each; as the engine does it, one step after the other.</summary>
    private static Row Serve(StepExecutor executor, int callers, Load load)
    {
        var random = new Random(7);
        var perCaller = (load.Prompt + load.New + StepExecutor.BlockSize) / StepExecutor.BlockSize;
        if (callers * perCaller > executor.Blocks)
        {
            throw new InvalidOperationException($"{callers} callers need {callers * perCaller} blocks of the cache; it has "
                + $"{executor.Blocks}.");
        }
        var blocks = Enumerable.Range(0, callers * perCaller).ToArray();
        random.Shuffle(blocks);
        var tables = blocks.Chunk(perCaller).ToArray();
        var prompts = Enumerable.Range(0, callers)
            .Select(_ => Enumerable.Range(0, load.Prompt).Select(_ => random.Next(3, executor.Config.VocabSize)).ToArray()).ToArray();
        var last = new int[callers];
        TokenDraw Draw() => new(load.Temperature, load.Temperature == 0 ? 0 : 40, load.Temperature == 0 ? 1 : 0.9, 0, random.NextDouble());

        var start = Stopwatch.GetTimestamp();
        foreach (var group in Enumerable.Range(0, callers).Chunk(Math.Max(1, executor.MostTokens / load.Prompt)))
        {
            var results = executor.Run([.. group.Select(i => new SequenceSlice(prompts[i], 0, tables[i], true, -1, Draw()))]);
            foreach (var (slice, i) in group.Index())
            {
                last[i] = results.Drawn(slice)!.Value;
            }
        }
        var read = Stopwatch.GetElapsedTime(start).TotalSeconds;
        for (var step = 1; step < load.New; step++)
        {
            var slices = new SequenceSlice[callers];
            for (var i = 0; i < callers; i++)
            {
                slices[i] = new SequenceSlice(new[] { last[i] }, load.Prompt + step - 1, tables[i], true, -1, Draw());
            }
            var results = executor.Run(slices);
            for (var i = 0; i < callers; i++)
            {
                last[i] = results.Drawn(i)!.Value;
            }
        }
        var all = Stopwatch.GetElapsedTime(start).TotalSeconds;
        double steps = load.New - 1;
        return new Row(callers, Math.Round(callers * load.New / all, 1), Math.Round(callers * steps / (all - read), 1), Math.Round(read, 4),
            Math.Round((all - read) / steps * 1000, 3), 0, new Ratio(0, 0, 0));
    }

    /// <summary>Milliseconds of a decoding step.</summary>
    private static double Floor(LlamaModel model, int callers, Load load, double bandwidth)
    {
        var config = model.Config;
        double weights = 2.0 * (model.Weights().Sum(weight => weight.Tensor.numel()) - ((long)config.VocabSize * config.HiddenSize));
        double positions = load.Prompt + (load.New / 2.0), kv = 4.0 * config.NumHiddenLayers * config.NumKeyValueHeads * config.HeadDim;
        return (weights + (callers * positions * kv)) / bandwidth * 1000;
    }

    /// <summary>Bytes read and written a second by a large copy on the device.</summary>
    private static double Bandwidth()
    {
        const int Copies = 50;
        using var scope = NewDisposeScope();
        Tensor from = zeros([1L << 30], uint8, CUDA), to = empty_like(from);
        to.copy_(from);
        cuda.synchronize();
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < Copies; i++)
        {
            to.copy_(from);
        }
        cuda.synchronize();
        return Copies * 2.0 * (1L << 30) / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double LoadTime(string folder, CudaOptions options)
    {
        var best = double.MaxValue;
        for (var round = 0; round < 3; round++)
        {
            var start = Stopwatch.GetTimestamp();
            using var executor = CudaExecutor.Load(folder, options);
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            Console.WriteLine($"loaded in {seconds:F2} s");
            best = Math.Min(best, seconds);
        }
        return Math.Round(best, 2);
    }
}
