using System.Text.Json;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks;

/// <summary>The folder of a Llama in bfloat16 with random weights, without a tokenizer.</summary>
internal sealed record RandomBase(int Hidden, int Inner, int Layers, int Vocabulary)
{
    public static readonly IReadOnlyDictionary<string, RandomBase> Sizes = new Dictionary<string, RandomBase>(StringComparer.Ordinal)
    {
        ["0.2b"] = new(1024, 2816, 8, 32_000),
        ["1.1b"] = new(2048, 5632, 26, 32_000),
        ["7b"] = new(4096, 11_008, 32, 32_000),
    };

    /// <param name="shards">Files that the weights are dealt out to, layer after layer.</param>
    public void Write(string folder, int shards = 1)
    {
        long hidden = Hidden;
        var linears = LayerLinears.Of(Hidden, Inner, Hidden, Hidden).All;
        var weights = Enumerable.Range(0, Layers)
            .SelectMany(i => linears.Select(linear => (Name: linear.In(i), Shape: new long[] { linear.Outputs, linear.Inputs }))
                .Concat(new[] { "input", "post_attention" }.Select(at =>
                    (Name: $"model.layers.{i}.{at}_layernorm", Shape: new[] { hidden }))))
            .Prepend((Name: "model.embed_tokens", Shape: [Vocabulary, hidden]))
            .Append((Name: "model.norm", Shape: [hidden])).Append((Name: "lm_head", Shape: [Vocabulary, hidden]))
            .Select(weight => (Name: $"{weight.Name}.weight", weight.Shape, Size: weight.Shape.Aggregate((a, b) => a * b))).ToList();
        File.WriteAllText(Path.Combine(folder, "config.json"), JsonSerializer.Serialize(new
        {
            model_type = "llama",
            hidden_size = hidden,
            intermediate_size = Inner,
            num_hidden_layers = Layers,
            num_attention_heads = hidden / 128,
            vocab_size = Vocabulary,
            max_position_embeddings = 2048,
            rms_norm_eps = 1e-5,
            torch_dtype = "bfloat16",
        }));
        // The same numbers everywhere: drawing all of them would take longer than the benchmark.
        using var noise = randn(weights.Max(weight => weight.Size), ScalarType.BFloat16);
        var total = weights.Sum(weight => weight.Size);
        long before = 0;
        var files = weights.GroupBy(weight =>
        {
            var shard = before * shards / total;
            before += weight.Size;
            return shards == 1 ? WeightFiles.Single : $"model-{shard + 1:D5}-of-{shards:D5}.safetensors";
        }).ToList();
        foreach (var file in files)
        {
            SafetensorsWriter.Write(Path.Combine(folder, file.Key), file.Select(weight => new TensorSource(
                weight.Name, ScalarType.BFloat16, weight.Shape, () => noise.narrow(0, 0, weight.Size).view(weight.Shape))));
        }
        if (shards > 1)
        {
            File.WriteAllText(Path.Combine(folder, WeightFiles.Index), JsonSerializer.Serialize(new
            {
                weight_map = files.SelectMany(file => file.Select(weight => (weight.Name, file.Key)))
                    .ToDictionary(weight => weight.Name, weight => weight.Key),
            }));
        }
    }
}
