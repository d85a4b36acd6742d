using System.CommandLine;
using System.Text.Json;
using LoraAspire.Chat.Models;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using LoraAspire.Runtime;
using Microsoft.Extensions.Logging.Abstractions;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks;

/// <summary>
/// The chat service's own pool, asked for three models in turn: it holds two, so each request after the second unloads one and loads one.
/// The process's resident memory must stay where it was when two were first there; <c>ratio</c> is the last over that.
/// </summary>
internal static class ChatMemoryBenchmark
{
    private const int Models = 3;
    private static readonly GenerationOptions s_answer = new() { MaxNewTokens = 8, Temperature = 0 };

    public static Command Command()
    {
        var loads = new Option<int>("--loads") { Description = "Loads in all.", DefaultValueFactory = _ => 20 };
        var model = new Option<DirectoryInfo?>("--model")
        {
            Description =
            "A model folder to load; otherwise one of 97 million weights in float32 is made."
        };
        var command = new Command("chat-memory",
            "Resident memory of the chat service while models are loaded and unloaded over and over.") { loads, model };
        command.SetAction(parsed => RunAsync(parsed.GetValue(loads), parsed.GetValue(model)?.FullName));
        return command;
    }

    private static async Task RunAsync(int loads, string? model)
    {
        var folder = Directory.CreateTempSubdirectory("lora-bench-").FullName;
        try
        {
            model ??= Made(Path.Combine(folder, "made"));
            var names = Enumerable.Range(0, Models).Select(i => Path.Combine(folder, $"model{i}")).ToList();
            names.ForEach(name => Directory.CreateSymbolicLink(name, Path.GetFullPath(model)));
            using var pool = new ModelPool(new IdleTime((TimeSpan?)null), TimeProvider.System, NullLogger<ModelPool>.Instance);
            var resident = new SortedDictionary<int, double>();
            for (var load = 1; load <= loads; load++)
            {
                using var lease = await pool.RentAsync(new(names[load % Models]), CancellationToken.None);
                await lease.Model.AnswerAsync("How much is two and three?", s_answer);
                if (load is 1 or 2 or 5 or 10 or 20 || load == loads)
                {
                    resident[load] = Environment.WorkingSet / 1e6;
                    Console.WriteLine($"load {load,3}: {resident[load]:N0} MB, {pool.Loaded.Count} in memory");
                }
            }
            var weights = new FileInfo(Path.Combine(model, WeightFiles.Single)).Length / 1e6;
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                name = "chat-memory",
                device = "cpu",
                weights_mb = weights,
                rss_mb = resident,
                ratio = resident[loads] / resident[Math.Min(2, loads)]
            }));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The shipped model's tokenizer before larger layers with fresh weights.</summary>
    private static string Made(string folder)
    {
        var shipped = Path.Combine(LoraPaths.Checkout() ?? throw new DirectoryNotFoundException("Not in a checkout: give --model."),
            "models", "pebble");
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.GetFiles(shipped).Where(file => !file.EndsWith(".safetensors", StringComparison.Ordinal)))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }
        var config = JsonSerializer.Deserialize<Dictionary<string, object>>(File.ReadAllBytes(Path.Combine(shipped, "config.json")))!;
        (config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"], config["torch_dtype"]) =
            (1024, 2816, 8, "float32");
        File.WriteAllText(Path.Combine(folder, "config.json"), JsonSerializer.Serialize(config));
        using var scope = NewDisposeScope();
        using var made = LlamaModel.Initialize(ModelConfig.Load(folder), CPU, ScalarType.Float32, seed: 1);
        SafetensorsWriter.Write(Path.Combine(folder, WeightFiles.Single),
            made.Weights().Select(weight => TensorSource.Of(weight.Name, weight.Tensor)));
        return folder;
    }
}
