using System.CommandLine;
using LoraAspire.Benchmarks;
using LoraAspire.Benchmarks.Serve;
using LoraAspire.Model.Native;
using LoraAspire.Trainer.Ranks;

LibTorch.Load();
return args is [RankSeat.Word] ? RankSeat.Take(TrainerBenchmark.Follow)
    : await new RootCommand("One command a claim. The last line printed is one JSON object: name, device, figures, ratio.")
{
    TrainerBenchmark.Command(),
    LoraAspire.Benchmarks.Serve.GpuServe.Command(),
    KernelsBenchmark.Command(),
    LoadBenchmark.Command(),
    DataBenchmark.Command(),
    QueueBenchmark.Command(),
    ChatMemoryBenchmark.Command(),
    MergeBenchmark.Command(),
    EvaluateBenchmark.Command(),
    ServeBenchmark.Command(),
    ConstraintsBenchmark.Command(),
}.Parse(args).InvokeAsync();
