using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Trainer.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks;

/// <summary>
/// LoRA training with the lab's settings (r 8, alpha 16, dropout 0.05 on q, k, v, o; 128 rows a step) on random weights of a given shape.
/// Floor: 4 FLOP a parameter and token for forward and the gradient of the activations; the ratio is the share of this machine's own matrix throughput that this leaves used.
/// </summary>
internal static class TrainerBenchmark
{
    private static readonly ModelConfig Llama7B = Shape(32000, 4096, 11008, 32, 32);
    private static readonly ModelConfig Llama15M = Shape(32000, 288, 768, 6, 6);

    public static Command Command()
    {
        var cpu = new Option<bool>("--cpu") { Description = "A 15M-parameter model in float32 on the CPU instead of Llama-2-7B in bfloat16 on the GPU." };
        var rows = new Option<string>("--rows") { Description = "alpaca, or rows of a fixed length: 512, 2048.", DefaultValueFactory = _ => "alpaca" };
        var lengths = new Option<FileInfo>("--lengths") { Description = "alpaca_lengths.json.", DefaultValueFactory = _ => new FileInfo("../shared/goldens/alpaca_lengths.json") };
        var micro = new Option<int>("--micro-batch-size") { Description = "Rows that go through the model together.", DefaultValueFactory = _ => 4 };
        var steps = new Option<int>("--steps") { Description = "Optimiser steps on one repeated batch, after which the measured steps run.", DefaultValueFactory = _ => 20 };
        var command = new Command("trainer", "Tokens a second of LoRA training, and the loss on a repeated batch.") { cpu, rows, lengths, micro, steps };
        command.SetAction(parsed => Run(parsed.GetValue(cpu), parsed.GetValue(rows)!, parsed.GetValue(lengths)!.FullName, parsed.GetValue(micro), parsed.GetValue(steps)));
        return command;
    }

    private static void Run(bool onCpu, string rows, string lengthsFile, int microBatchSize, int repeats)
    {
        if (!onCpu && !cuda.is_available())
        {
            throw new InvalidOperationException("No CUDA device: name a libtorch with CUDA by LORA_LIBTORCH, or give --cpu.");
        }
        var (config, device, dtype) = onCpu ? (Llama15M, CPU, float32) : (Llama7B, CUDA, bfloat16);
        var steps = rows == "alpaca" ? Workload.AlpacaSteps(lengthsFile) : [.. Enumerable.Range(0, 5).Select(_ => Enumerable.Repeat(int.Parse(rows), onCpu ? 8 : 32).ToArray())];
        if (onCpu && rows == "alpaca")
        {
            steps = [.. steps.Take(2).Select(step => step[..16])];
        }
        using var model = LlamaModel.Initialize(config, device, dtype, seed: 42, onDevice: true);
        var lora = new LoraConfig(8, 16, 0.05, ["q_proj", "k_proj", "v_proj", "o_proj"]);
        model.AttachFresh(lora, seed: 42);
        using var parameters = ParameterSet.OfAdapters(model);
        using var optimiser = new AdamW(parameters, 0.9, 0.999, 1e-8, 0);
        var step = new OptimiserStep(model, parameters, optimiser, 1.0, Compat.None, steps[0].Length / microBatchSize);
        var schedule = new Schedule(LrScheduler.Linear, 1e-4, WarmupSteps: 5, TotalSteps: 10_000);
        Console.WriteLine($"{model.Weights().Sum(weight => weight.Tensor.numel()):N0} weights, {parameters.Count:N0} trained, on {device}");

        var repeated = Workload.MicroBatches(steps[^1], microBatchSize, config.VocabSize, seed: 1);
        double first = 0, last = 0;
        for (var i = 0; i < repeats; i++)
        {
            using var result = step.Run(repeated, schedule.At(i), i);
            last = result.ReadMicroLosses().Sum();
            first = i == 0 ? last : first;
            Console.WriteLine($"step {i + 1}/{repeats}  loss {last:F4}  grad norm {result.ReadGradNorm():F3}");
        }

        long tokens = 0;
        double seconds = 0;
        foreach (var (index, lengths) in steps.Index())
        {
            var batches = Workload.MicroBatches(lengths, microBatchSize, config.VocabSize, seed: 2 + index);
            var start = Stopwatch.GetTimestamp();
            using var result = step.Run(batches, schedule.At(repeats + index), repeats + index);
            var loss = result.ReadMicroLosses().Sum(); // reading waits for the device
            var took = Stopwatch.GetElapsedTime(start).TotalSeconds;
            seconds += took;
            tokens += lengths.Sum();
            Console.WriteLine($"measured step {index + 1}/{steps.Count}  {lengths.Sum() / took:N0} tokens/s  loss {loss:F4}");
        }

        var parametersInProducts = model.Linears.Sum(linear => linear.InFeatures * linear.OutFeatures) + ((long)config.VocabSize * config.HiddenSize);
        var flops = 4.0 * parametersInProducts * tokens / seconds;
        var peak = MatrixFlops(device, dtype);
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            name = $"trainer {rows}",
            device = onCpu ? $"cpu, {get_num_threads()} threads" : "cuda",
            tokens_per_second = Math.Round(tokens / seconds, 1),
            micro_batch_size = microBatchSize,
            steps_on_one_batch = repeats,
            first_loss = Math.Round(first, 4),
            last_loss = Math.Round(last, 4),
            tflops = Math.Round(flops / 1e12, 3),
            matrix_tflops = Math.Round(peak / 1e12, 3),
            ratio = Math.Round(flops / peak, 4),
        }));
    }

    /// <summary>What a plain matrix product reaches in this process: 8192³ on a GPU, 1024×2048×2048 on a CPU.</summary>
    private static double MatrixFlops(torch.Device device, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        long m = device.type == DeviceType.CUDA ? 8192 : 1024, n = device.type == DeviceType.CUDA ? 8192 : 2048;
        Tensor a = randn([m, n], dtype, device), b = randn([n, n], dtype, device);
        double best = 0;
        for (var round = 0; round < 5; round++)
        {
            const int Products = 5;
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < Products; i++)
            {
                using var product = a.mm(b);
            }
            if (device.type == DeviceType.CUDA)
            {
                cuda.synchronize();
            }
            best = Math.Max(best, 2.0 * m * n * n * Products / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }

    private static ModelConfig Shape(int vocab, int hidden, int intermediate, int layers, int heads) => new()
    {
        ModelType = "llama",
        VocabSize = vocab,
        HiddenSize = hidden,
        IntermediateSize = intermediate,
        NumHiddenLayers = layers,
        NumAttentionHeads = heads,
        NumKeyValueHeads = heads,
        HeadDim = hidden / heads,
        MaxPositionEmbeddings = 4096,
        RmsNormEps = 1e-5,
        RopeTheta = 10_000,
        Rope = new RopeScaling("default"),
        TieWordEmbeddings = false,
        InitializerRange = 0.02,
        QkvBias = false,
        OutputBias = false,
        QkNorm = false,
        SlidingWindow = new int?[layers],
    };
}
