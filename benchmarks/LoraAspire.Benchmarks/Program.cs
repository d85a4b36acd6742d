using System.CommandLine;
using LoraAspire.Benchmarks;
using LoraAspire.Benchmarks.Serve;
using LoraAspire.Model.Native;

LibTorch.Load();
return await new RootCommand("One command a claim. The last line printed is one JSON object: name, device, figures, ratio.")
{
    TrainerBenchmark.Command(),
    LoraAspire.Benchmarks.Serve.GpuServe.Command(),
    KernelsBenchmark.Command(),
    DataBenchmark.Command(),
    QueueBenchmark.Command(),
    ChatMemoryBenchmark.Command(),
    MergeBenchmark.Command(),
    EvaluateBenchmark.Command(),
    ServeBenchmark.Command(),
    ConstraintsBenchmark.Command(),
}.Parse(args).InvokeAsync();
