using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Devices;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Trainer.Ranks;
using LoraAspire.Trainer.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks;

/// <summary>
/// LoRA training with the lab's settings (r 8, alpha 16, dropout 0.05 on q, k, v, o; 128 rows a step) on random weights of a given shape.
/// The floor is 4·P FLOP a real token (forward and the gradient of the activations, P the weights in products) at this machine's own matrix
/// throughput, measured in the same process in turn with the steps; <c>ratio</c> is that floor's time over the time taken.
/// <c>needed_ratio</c> counts only the products that have to be done, the head where a target stands: how well the rest is used.
/// </summary>
internal static class TrainerBenchmark
{
    /// <summary>Of matrix products and steps in turn.</summary>
    private const int Rounds = 5;

    public static Command Command() => TrainerOptions.Command(Lead);

    private static void Lead(TrainerWork work)
    {
        if (work.Devices == 1)
        {
            Run(work, DeviceGroup.Alone);
            return;
        }
        var shown = GpuClaims.Shown;
        if (!work.OnCpu && shown?.Length < work.Devices)
        {
            throw new ArgumentException($"--devices is {work.Devices}, but {GpuClaims.Variable}={string.Join(',', shown)} shows "
                + $"{shown.Length}.");
        }
        RankProcesses processes = new(work.Devices, rank =>
        {
            var start = RankSeat.Program(typeof(TrainerBenchmark).Assembly);
            if (!work.OnCpu)
            {
                start.Environment[GpuClaims.Variable] = shown?[rank] ?? $"{rank}";
            }
            return start;
        }, JsonSerializer.Serialize(work), Console.Error.WriteLine);
        using DeviceGroup devices = new(processes.Ring, work.Device(), processes);
        Run(work, devices);
    }

    /// <summary>One more device of a benchmark: the same steps.</summary>
    public static void Follow(string words, Ring ring)
    {
        var work = JsonSerializer.Deserialize<TrainerWork>(words)!;
        using DeviceGroup devices = new(ring, work.Device());
        Run(work, devices);
    }

    private static void Run(TrainerWork work, DeviceGroup devices)
    {
        var device = work.Device();
        void Say(string line) => (devices.Share.Rank == 0 ? Console.Out : TextWriter.Null).WriteLine(line);
        var (config, dtype) = work.Model();
        using var model = LlamaModel.Initialize(config, device, work.Trained.Full ? float32 : dtype, seed: 42, onDevice: true,
            Quantisation.Of(work.Backward.Held), work.ShardBase ? devices.Collective : null);
        var adapters = work.Adapters();
        if (adapters is not null)
        {
            model.AttachFresh(adapters, seed: 42);
        }
        using var parameters = adapters is null ? ParameterSet.OfModel(model) : ParameterSet.OfAdapters(model);
        using var optimiser = new AdamW(parameters, 0.9, 0.999, 1e-8, 0);
        using var objective = new Objective(model, work.Backward.LowMemory, work.Backward.Autograd);
        var step = new OptimiserStep(objective, parameters, optimiser, 1.0, devices);
        var schedule = new Schedule(LrScheduler.Linear, 1e-4, WarmupSteps: 2, TotalSteps: 10_000);
        var tokens = work.Backward.Tokens ?? objective.DefaultTokensOn(devices.Share.Count);
        Say($"{model.WeightCount:N0} weights, {parameters.Count:N0} trained, "
            + $"on {device}; {objective.Path}, micro-batches of {tokens} tokens");
        var rows = work.RowsOfSteps(config.VocabSize);
        DeviceBatches Batches(IReadOnlyList<TrainingRow> rows) => MicroBatch.Dealt(objective.Marked(rows), tokens,
            objective.Packed, objective.DrawsByRow, devices.Share);

        var repeated = Batches(rows[^1]);
        var losses = new List<double>();
        for (var i = 0; i < work.WarmUp; i++)
        {
            using var result = step.Run(repeated, schedule.At(i), i);
            losses.Add(result.ReadMicroLosses().Sum());
            Say($"step {i + 1}/{work.WarmUp}  loss {losses[^1]:F4}  grad norm {result.ReadGradNorm():F3}");
        }

        // As the trainer runs: a step is given out before the one before it is read.
        var measured = Enumerable.Range(0, work.Steps).Select(i => Batches(rows[i % rows.Count])).ToList();
        TrainerFlops flops = new(model.Linears.Sum(linear => linear.InFeatures * linear.OutFeatures),
            (long)config.VocabSize * config.HiddenSize, work.Trained.Full ? 6 : 4);
        var read = new List<double>();
        Queue<StepResult> given = new();
        void Read()
        {
            using var result = given.Dequeue();
            read.Add(result.ReadMicroLosses().Sum());
        }
        // By then every size of micro-batch has been seen.
        var settled = Math.Min(work.Steps - 1, 20);
        long settledMemory = 0;
        double seconds = 0;
        InTurn floors = new(), needs = new(), cores = new();
        foreach (var round in measured.Index().Chunk((work.Steps + Rounds - 1) / Rounds))
        {
            var (byClock, byCore) = MatrixProducts.Flops(device, dtype);
            var products = devices.Gather([byClock]).Sum(); // all at once, and all have come this far
            var (start, coresBefore) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
            foreach (var (index, batches) in round)
            {
                settledMemory = index == settled ? MemoryInUse(device) : settledMemory;
                given.Enqueue(step.Run(batches, schedule.At(work.WarmUp + index), work.WarmUp + index));
                if (given.Count > 1)
                {
                    Read();
                }
            }
            Read();
            var took = Stopwatch.GetElapsedTime(start).TotalSeconds;
            seconds += took;
            var onCores = (Environment.CpuUsage.TotalTime - coresBefore).TotalSeconds;
            var steps = round.Select(one => one.Item).ToList();
            floors.Add(flops.Floor(steps) / took, products);
            needs.Add(flops.Needed(steps, devices) / took, products);
            // Devices share a step's tokens evenly, about.
            cores.Add(flops.Floor(steps) / devices.Share.Count / onCores, byCore);
            Say(FormattableString.Invariant(
                $"{took:F2} s for {steps.Sum(one => one.StepTokens):N0} tokens; products {products / 1e12:F3} TFLOP/s"));
        }
        var grown = MemoryInUse(device) - settledMemory;
        if (losses.Concat(read).Any(loss => !double.IsFinite(loss)))
        {
            throw new InvalidOperationException("A loss is not finite: this figure is worth nothing.");
        }

        var reduce = ReduceSeconds(devices, parameters);
        var real = measured.Sum(step => step.StepTokens);
        var computed = devices.Gather([measured.Sum(step => step.Own.Sum(batch => batch.Tokens))]).Sum();
        var microBatches = devices.Gather([measured.Sum(step => step.Own.Count)]).Sum();
        var (ratio, needed) = (floors.OverReference.Rounded(4), needs.OverReference.Rounded(4));
        Say(JsonSerializer.Serialize(new
        {
            name = $"trainer {work.Rows.Kind}",
            shape = work.OnCpu ? "15m" : work.Shape,
            devices = devices.Share.Count,
            device = work.OnCpu ? $"cpu, {get_num_threads()} threads" : "cuda",
            path = objective.Path,
            base_type = work.Backward.Held.Word(),
            tokens_per_second = Math.Round(real / seconds, 1),
            micro_batch_tokens = tokens,
            micro_batches = microBatches,
            real_tokens = real,
            computed_tokens = computed,
            seconds = Math.Round(seconds, 3),
            losses_on_one_batch = losses.Select(loss => Math.Round(loss, 4)),
            memory_gib = Gib(settledMemory + grown),
            memory_grown_gib = Gib(grown),
            weights_gib = Gib(WeightBytes(model)),
            reduce_ms = Math.Round(reduce * 1e3, 3),
            measured_loss = Math.Round(read.Average(), 4),
            floor_tflops = Math.Round(floors.Work / 1e12, 3),
            needed_tflops = Math.Round(needs.Work / 1e12, 3),
            matrix_tflops = Math.Round(floors.Reference / 1e12, 3),
            needed_ratio = needed.Median,
            needed_ratio_least = needed.Least,
            needed_ratio_most = needed.Most,
            core_ratio = work.OnCpu ? cores.OverReference.Rounded(4).Median : (double?)null,
            ratio = ratio.Median,
            ratio_least = ratio.Least,
            ratio_most = ratio.Most,
        }));
    }

    /// <summary>Of the GPU by all processes, as libtorch keeps what it once took; of this process on the CPU.</summary>
    private static long MemoryInUse(torch.Device device) =>
        device.type == DeviceType.CPU ? Environment.WorkingSet : DeviceMemory.Read(device) is { } memory ? memory.Total - memory.Free : 0;

    /// <summary>What this device holds of the base.</summary>
    private static long WeightBytes(LlamaModel model) => model.Weights().Sum(weight => weight.Tensor.numel()
        * (model.Shards is not null && weight.Name.EndsWith("_proj.weight", StringComparison.Ordinal) ? 0 : weight.Tensor.element_size()))
        + (model.Shards?.Bytes ?? 0);

    /// <summary>Of one step's sum over the devices, nothing beside it; 0 on one.</summary>
    private static double ReduceSeconds(DeviceGroup devices, ParameterSet parameters)
    {
        const int Sums = 20;
        if (devices.Share.Count == 1)
        {
            return 0;
        }
        parameters.Summed.zero_();
        double best = double.PositiveInfinity;
        for (var round = 0; round < 3; round++)
        {
            devices.Gather([0]);
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < Sums; i++)
            {
                devices.Sum(parameters.Summed);
            }
            using var last = parameters.Summed.narrow(0, 0, 1);
            _ = last.ReadSingle();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds / Sums);
        }
        return best;
    }

    private static double Gib(long bytes) => Math.Round(bytes / (double)(1 << 30), 3);
}
