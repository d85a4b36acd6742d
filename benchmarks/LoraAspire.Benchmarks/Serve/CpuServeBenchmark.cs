using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using LoraAspire.Model.Export.Gguf;
using LoraAspire.Model.Generation.Cpu;
using LoraAspire.Model.Network;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks.Serve;

/// <summary>
/// The processor's executor against llama.cpp (LLamaSharp) in one process, with the same random weights: decoding for one caller on a model
/// of 110 million, in float32 and in Q8_0, and for 64 callers on one of 5 million. Ours and theirs take turns; a figure is the median of
/// its rounds. That both compute the same is checked by their logits.
/// </summary>
internal static class CpuServeBenchmark
{
    private const int Prompt = 16;

    private static readonly ModelConfig s_large = Shape(32_000, 768, 2048, 12, 12);

    /// <summary>The base that comes with this repository.</summary>
    private static readonly ModelConfig s_tiny = Shape(3000, 256, 688, 6, 8) with { NumKeyValueHeads = 4, TieWordEmbeddings = true };

    private sealed record Case(string Name, ModelConfig Config, CpuWeights Weights, int Callers, int Tokens);

    public static Command Command()
    {
        var threads = new Option<int>("--threads") { Description = "Of each engine.", DefaultValueFactory = _ => 2 };
        var rounds = new Option<int>("--rounds") { Description = "Of each engine.", DefaultValueFactory = _ => 7 };
        var only = new Option<string>("--only") { Description = "Cases whose name holds this.", DefaultValueFactory = _ => "" };
        var command = new Command("cpu", "Decoding on the processor, against llama.cpp by LLamaSharp.") { threads, rounds, only };
        command.SetAction(parsed => Run(parsed.GetValue(threads), parsed.GetValue(rounds), parsed.GetValue(only)!));
        return command;
    }

    private static int Run(int threads, int rounds, string only)
    {
        var folder = Directory.CreateTempSubdirectory("lora-bench-serve-").FullName;
        try
        {
            var results = new[]
            {
                new Case("one_f32", s_large, CpuWeights.Float32, 1, 24),
                new Case("one_q8_0", s_large, CpuWeights.Q8_0, 1, 48),
                new Case("many_f32", s_tiny, CpuWeights.Float32, 64, 32),
            }.Where(one => one.Name.Contains(only, StringComparison.Ordinal)).Select(one => Measure(one, folder, threads, rounds)).ToList();
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                name = "serve-cpu",
                device = "cpu",
                threads,
                figures = results.ToDictionary(one => one.Name, one => new
                {
                    ours = Math.Round(one.Ours, 1),
                    theirs = Math.Round(one.Theirs, 1),
                    ratio = Math.Round(one.Ratio.Median, 3),
                    ratio_least = Math.Round(one.Ratio.Least, 3),
                    ratio_most = Math.Round(one.Ratio.Most, 3),
                    gigabytes_per_second = Math.Round(one.Bytes / 1e9, 1),
                    gigamacs_per_second = Math.Round(one.Operations / 1e9, 1),
                }),
                ratio = Math.Round(results.Min(one => one.Ratio.Median), 3),
            }));
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static ModelConfig Shape(int vocab, int hidden, int intermediate, int layers, int heads) =>
        Shapes.Of(vocab, hidden, intermediate, layers, heads) with { MaxPositionEmbeddings = 1024, InitializerRange = 0.05 };

    private static (string Name, double Ours, double Theirs, Ratio Ratio, double Bytes, double Operations) Measure(Case one,
        string folder, int threads, int rounds)
    {
        using var model = LlamaModel.Initialize(one.Config, CPU, float32, seed: 1);
        var path = Export(model, Path.Combine(folder, one.Name), one.Weights == CpuWeights.Q8_0 ? GgmlType.Q8 : GgmlType.F32);
        var positions = Prompt + one.Tokens + 1;
        var options = new CpuOptions { Weights = one.Weights, Threads = threads, CacheBytes = 512 << 20 };
        using var ours = new OurDecoder(CpuExecutor.Of(model, options), one.Callers, positions);
        using var theirs = new TheirDecoder(path, one.Callers, positions, threads);
        var random = new Random(1);
        int[][] prompts = [.. Enumerable.Range(0, one.Callers).Select(_ =>
            Enumerable.Range(0, Prompt).Select(_ => random.Next(259, one.Config.VocabSize)).ToArray())];
        RequireAlike(ours, theirs, model, prompts, one);

        var turns = InTurn.Measure(rounds, () => Rate(theirs, prompts, one), () => Rate(ours, prompts, one));
        var (a, b, ratio) = (turns.Work, turns.Reference, turns.OverReference);
        // Every weight but the embedding's table, of which a step takes a row a caller.
        double weights = model.Weights().Where(weight => weight.Tensor.dim() == 2).Sum(weight => (double)weight.Tensor.numel())
            - (one.Config.TieWordEmbeddings ? 0 : (double)one.Config.VocabSize * one.Config.HiddenSize);
        var bytes = a / one.Callers * weights * (one.Weights == CpuWeights.Q8_0 ? 34.0 / 32 : sizeof(float));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{one.Name}: ours {a:0.0} tokens/s ({turns.Least:0.0} to {turns.Most:0.0}), "
                + $"theirs {b:0.0} ({turns.LeastReference:0.0} to {turns.MostReference:0.0}), ratio {ratio.Median:0.00} "
                + $"({ratio.Least:0.00} to {ratio.Most:0.00}); "
                + $"{bytes / 1e9:0.0} GB/s of weights, {a * weights / 1e9:0.0} thousand million products a second"));
        return (one.Name, a, b, ratio, bytes, a * weights);
    }

    private static string Export(LlamaModel model, string folder, GgmlType type)
    {
        ModelFolder.Write(folder, model);
        using ModelGguf gguf = new(folder, "benchmark", type, dialogue: null, tokenizer: null);
        var path = Path.Combine(folder, "model.gguf");
        gguf.Write(path, () => { }, CancellationToken.None);
        return path;
    }

    private static double Rate(IDecoder decoder, int[][] prompts, Case one)
    {
        decoder.Begin(prompts);
        decoder.Step();
        var since = Stopwatch.GetTimestamp();
        for (var i = 1; i < one.Tokens; i++)
        {
            decoder.Step();
        }
        return one.Callers * (one.Tokens - 1) / Stopwatch.GetElapsedTime(since).TotalSeconds;
    }

    /// <summary>Rounding may part their texts; it must not part their logits after the same tokens from those of float32.</summary>
    private static void RequireAlike(IDecoder ours, IDecoder theirs, LlamaModel model, int[][] prompts, Case one)
    {
        using var exact = new OurDecoder(CpuExecutor.Of(model, new CpuOptions { CacheBytes = 16 << 20 }), 1, Prompt);
        Array.ForEach((IDecoder[])[exact, ours, theirs], decoder => decoder.Begin(decoder == exact ? prompts[..1] : prompts));
        var (a, b) = (Error(ours.Logits, exact.Logits), Error(theirs.Logits, exact.Logits));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{one.Name}: logits differ from ours in float32 by {a:P2} of their spread, theirs by {b:P2}"));
        if (!(a < 0.2 && b < 0.2))
        {
            throw new InvalidOperationException("The two engines don't compute the same: nothing to compare.");
        }
    }

    private static double Error(float[] logits, float[] exact) => Math.Sqrt(
        logits.Zip(exact).Average(pair => Math.Pow(pair.First - pair.Second, 2)) / exact.Average(value => (double)value * value));
}
