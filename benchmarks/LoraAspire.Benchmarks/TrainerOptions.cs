using System.CommandLine;
using LoraAspire.Model.Network.Quantised;

namespace LoraAspire.Benchmarks;

/// <summary>The command line of the trainer's benchmark.</summary>
internal static class TrainerOptions
{
    public static Command Command(Action<TrainerWork> run)
    {
        var cpu = new Option<bool>("--cpu")
        {
            Description =
            "A 15M-parameter model in float32 on the CPU instead of Llama-2-7B in bfloat16 on the GPU."
        };
        var shape = new Option<string>("--shape")
        {
            Description = "Of the model on the GPU: llama-2-7b, llama-2-70b, 1.1b, gemma-2-2b, or 15m, for long runs that watch the "
                + "memory.",
            DefaultValueFactory = _ => "llama-2-7b"
        };
        shape.AcceptOnlyFromAmong([.. Shapes.Named.Keys]);
        var rows = new Option<string>("--rows")
        {
            Description = "alpaca, rows of a fixed length: 512, 2048, or the folder of a data set that data-build wrote, whose rows may "
                + "begin alike.",
            DefaultValueFactory = _ => "alpaca"
        };
        var lengths = new Option<FileInfo>("--lengths")
        {
            Description = "alpaca_lengths.json.",
            DefaultValueFactory = _ => new FileInfo("../shared/goldens/alpaca_lengths.json")
        };
        var tokens = new Option<int?>("--micro-batch-tokens")
        {
            Description =
            "Tokens that go through the model together; the trainer's own choice otherwise."
        };
        var lowMemory = new Option<bool>("--low-memory") { Description = "Recompute the layers in the backward." };
        var autograd = new Option<bool>("--autograd") { Description = "The plain path, for comparison." };
        var held = new Option<BaseFormat>("--base-type")
        {
            Description = "What the base's linear layers are held in: bf16, fp8, int8 or nf4.",
            DefaultValueFactory = _ => BaseFormat.Bf16
        };
        var rank = new Option<int>("--rank") { Description = "Of the adapters.", DefaultValueFactory = _ => 8 };
        var all = new Option<bool>("--all-linear") { Description = "Adapters on all seven linear layers instead of q, k, v, o." };
        var full = new Option<bool>("--full") { Description = "Every weight is trained; no adapters." };
        var dora = new Option<bool>("--dora") { Description = "DoRA's lengths beside the adapters." };
        var dropout = new Option<double>("--dropout") { Description = "Of the adapters.", DefaultValueFactory = _ => 0.05 };
        var warmUp = new Option<int>("--warm-up")
        {
            Description =
            "Optimiser steps on one repeated batch, after which the measured steps run.",
            DefaultValueFactory = _ => 5
        };
        var steps = new Option<int>("--steps")
        {
            Description = "Measured steps; the work is gone through again when it has fewer.",
            DefaultValueFactory = _ => 5
        };
        var devices = new Option<int>("--devices")
        {
            Description = "GPUs that share each step, or on the CPU processes.",
            DefaultValueFactory = _ => 1
        };
        var shard = new Option<bool>("--shard-base") { Description = "Each device holds a share of the layers' weights." };
        var command = new Command("trainer", "Tokens a second of LoRA training, and the loss on a repeated batch.") { cpu, shape, rows,
            lengths, tokens, lowMemory, autograd, held, rank, all, full, dora, dropout, warmUp, steps, devices, shard };
        command.SetAction(parsed => run(new(parsed.GetValue(cpu), parsed.GetValue(shape)!,
            new(parsed.GetValue(rows)!, parsed.GetValue(lengths)!.FullName), new(parsed.GetValue(tokens), parsed.GetValue(lowMemory),
                parsed.GetValue(autograd), parsed.GetValue(held)), new(parsed.GetValue(rank), parsed.GetValue(all),
                parsed.GetValue(dora), parsed.GetValue(dropout), parsed.GetValue(full)),
            parsed.GetValue(warmUp), parsed.GetValue(steps), parsed.GetValue(devices), parsed.GetValue(shard))));
        return command;
    }
}
