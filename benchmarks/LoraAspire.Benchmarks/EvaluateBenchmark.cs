using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Benchmarks.Serve;
using LoraAspire.Evaluator;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks;

/// <summary>
/// The evaluator's stage as a run has it: held-out questions to a model of Llama-2-7B's shape with random weights, which seldom ends an
/// answer early, so that most have all their tokens; loading, answers, scores and perplexity. <c>ratio</c> is the bar, 60 s for 1,000
/// questions, over the time taken. Before it the engine is held to the executor alone (<see cref="EngineCheck"/>).
/// </summary>
internal static class EvaluateBenchmark
{
    private const double Bar = 60, BarQuestions = 1000;

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private sealed record Asked(string Questions, string Tokenizer, int Count, int NewTokens, int Checked, bool Small, string Root);

    public static Command Command()
    {
        var questions = new Option<string>("--questions") { Description = "Records as Alpaca's: a .json file.", Required = true };
        var tokenizer = new Option<string>("--tokenizer") { Description = "A folder with a tokenizer of 32,000 tokens.", Required = true };
        var count = new Option<int>("--count") { Description = "Questions.", DefaultValueFactory = _ => 1000 };
        var length = new Option<int>("--new") { Description = "Tokens of an answer at most.", DefaultValueFactory = _ => 128 };
        var check = new Option<int>("--check")
        {
            Description = "Answers that are compared with the executor's own.",
            DefaultValueFactory = _ => 64,
        };
        var small = new Option<bool>("--small") { Description = "A 15M-parameter model, also without a GPU." };
        var folder = new Option<string?>("--folder") { Description = "Where to write 13.5 GB; the system's folder for temporary files." };
        var command = new Command("evaluate", "The evaluator on 1,000 questions, and the serving engine against its executor.")
        {
            questions, tokenizer, count, length, check, small, folder,
        };
        command.SetAction((parsed, cancellationToken) => RunAsync(new(parsed.GetRequiredValue(questions),
            parsed.GetRequiredValue(tokenizer), parsed.GetValue(count), parsed.GetValue(length), parsed.GetValue(check),
            parsed.GetValue(small), parsed.GetValue(folder) ?? Path.GetTempPath()), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(Asked asked, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateDirectory(Path.Combine(asked.Root, $"lora-bench-{Guid.NewGuid():N}")).FullName;
        try
        {
            var model = Written(asked, Path.Combine(folder, "model"));
            var rows = JsonNode.Parse(await File.ReadAllTextAsync(asked.Questions, cancellationToken))!.AsArray()
                .Take(asked.Count).Select(row => row!.ToJsonString()).ToList();
            await File.WriteAllLinesAsync(Path.Combine(folder, "held.jsonl"), rows, cancellationToken);
            var check = asked.Checked == 0 ? null : await EngineCheck.RunAsync(model,
                [.. rows.Take(asked.Checked).Select(row => JsonNode.Parse(row)!["instruction"]!.GetValue<string>())], asked.NewTokens);
            var (seconds, phases) = await MeasureAsync(asked, model, folder, cancellationToken);
            var bar = Bar * rows.Count / BarQuestions;
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                name = "evaluate",
                device = cuda.is_available() ? "cuda" : "cpu",
                questions = rows.Count,
                new_tokens = asked.NewTokens,
                seconds = Math.Round(seconds, 1),
                phases,
                engine = check,
                ratio = Math.Round(bar / seconds, 2),
            }, s_json));
            return check is { Holds: false } ? 1 : 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Written(Asked asked, string folder)
    {
        var start = Stopwatch.GetTimestamp();
        var device = ComputeDevice.Of("auto");
        var config = asked.Small || device.type == TorchSharp.DeviceType.CPU ? Shapes.Llama15M : Shapes.Llama7B;
        using (var network = LlamaModel.Initialize(config, device, CudaDevice.UsualType(device), seed: 42, onDevice: true))
        {
            ModelFolder.Write(folder, network);
        }
        TokenizerFiles.Copy(asked.Tokenizer, folder);
        Console.WriteLine($"written in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s");
        return folder;
    }

    private static async Task<(double Seconds, IReadOnlyDictionary<string, double> Phases)> MeasureAsync(Asked asked, string model,
        string folder, CancellationToken cancellationToken)
    {
        var scratch = Directory.CreateDirectory(Path.Combine(folder, "scratch")).FullName;
        Phases phases = new();
        StageContext<EvaluatorParams> context = new(new() { HeldOut = "held.jsonl", MaxNewTokens = asked.NewTokens },
            new Dictionary<string, string> { ["model"] = model }, new DataRoot(folder), scratch, scratch, phases);
        await new EvaluateStage().RunAsync(context, cancellationToken);
        return (phases.Seconds, phases.Ended());
    }

    /// <summary>Where the time goes, by what the stage tells: to the first answer, to the last, to the end.</summary>
    private sealed class Phases : IProgress<StageProgress>
    {
        private readonly long _start = Stopwatch.GetTimestamp();
        private double? _first, _last;

        public double Seconds => Stopwatch.GetElapsedTime(_start).TotalSeconds;

        /// <summary>Told under the stage's own lock.</summary>
        public void Report(StageProgress value)
        {
            _first ??= Seconds;
            _last = Seconds;
        }

        public IReadOnlyDictionary<string, double> Ended() => new Dictionary<string, double>
        {
            ["to_first_answer"] = Math.Round(_first ?? 0, 2),
            ["answers"] = Math.Round((_last - _first) ?? 0, 2),
            ["scores_and_perplexity"] = Math.Round(Seconds - (_last ?? 0), 2),
        };
    }
}
