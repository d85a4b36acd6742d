using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Fuzz.Targets;

/// <summary>config.json, and where it describes a tiny model that model's first words; adapter_config.json with its adapter.</summary>
internal static class ModelTargets
{
    private const long MostWeights = 1_000_000;

    private const string Config = """
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
         "num_key_value_heads": 1, "head_dim": 8, "hidden_act": "silu", "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "rope_scaling": null,
         "tie_word_embeddings": false, "attention_bias": false, "initializer_range": 0.02, "torch_dtype": "float32", "bos_token_id": 1, "eos_token_id": 2}
        """;
    private const string Mistral =
        """{"model_type": "mistral", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,"""
            + """ "num_attention_heads": 2, "max_position_embeddings": 32, "sliding_window": 4, "rope_parameters": {"rope_type": "yarn","""
            + """ "factor": 4.0, "original_max_position_embeddings": 8, "rope_theta": 10000.0}}""";
    private const string Qwen =
        """{"model_type": "qwen3", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,"""
            + """ "num_attention_heads": 2, "max_position_embeddings": 32, "use_sliding_window": true, "sliding_window": 4,"""
            + """ "layer_types": ["full_attention", "sliding_attention"], "rope_scaling": {"type": "dynamic", "factor": 2.0}}""";
    private const string Gemma =
        """{"model_type": "gemma", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1,"""
            + """ "num_attention_heads": 2, "max_position_embeddings": 32, "hidden_act": "gelu", "rope_scaling": {"rope_type": "llama3","""
            + """ "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}}""";
    private const string AdapterSettings = """
        {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "m", "r": 4, "lora_alpha": 8, "lora_dropout": 0.05, "target_modules": ["q_proj"], "bias": "none",
         "fan_in_fan_out": false, "modules_to_save": null, "layers_to_transform": [0, 1], "rank_pattern": {"layers.1.self_attn.q_proj": 2}, "alpha_pattern": {"q_proj": 16.0}, "use_rslora": false, "use_dora": false}
        """;

    public static IEnumerable<Target> In(Scratch scratch)
    {
        var folder = scratch.Folder("model");
        yield return new("config", () => [.. new[] { Config, Mistral, Qwen, Gemma }.Select(AllTargets.Utf8)], bytes =>
        {
            Scratch.Write(folder, "config.json", bytes);
            Speak(ModelConfig.Load(folder));
        }, typeof(ModelException))
        {
            Words = [.. AllTargets.JsonWords, "\"qwen2\"", "\"linear\"", "\"yarn\"", "\"dynamic\"", "\"llama3\"", "\"sliding_window\":1",
            "\"head_dim\":2", "\"attention_bias\":true", "\"tie_word_embeddings\":true"]
        };
        var adapter = scratch.Folder("adapter");
        yield return new("adapter-config", () => [AllTargets.Utf8(AdapterSettings)], bytes =>
        {
            var weights = Path.Combine(adapter, Adapter.FileName);
            if (!File.Exists(weights))
            {
                WriteAdapter(weights);
            }
            Scratch.Write(adapter, AdapterConfig.FileName, bytes);
            var config = AdapterConfig.Load(adapter);
            config.ScaleOf("model.layers.0.self_attn.q_proj");
            using var loaded = Adapter.Load(adapter);
            foreach (var layer in loaded.Layers.Keys)
            {
                using var scope = NewDisposeScope();
                loaded.Merge(layer, zeros(16, 16));
            }
        }, typeof(ModelException))
        {
            Words = [.. AllTargets.JsonWords, "\"rank_pattern\":{\"(a+)+$\":2}", "\"target_modules\":\"all-linear\"", "\"use_dora\":true",
            "\"modules_to_save\":[\"lm_head\"]", "\"(\""]
        };
    }

    private static void Speak(ModelConfig config)
    {
        var weights = (2.0 * config.VocabSize * config.HiddenSize)
            + (config.NumHiddenLayers * (double)config.HiddenSize
                * ((4.0 * config.HeadDim * config.NumAttentionHeads) + (3.0 * config.IntermediateSize)));
        if (weights > MostWeights)
        {
            return;
        }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = LlamaModel.Initialize(config, CPU, float32, seed: 1);
        var length = Math.Min(6, config.Context);
        model.Forward(zeros([1, length], int64));
        using KvCache cache = new(config, 1, length, CPU, float32);
        model.Forward(zeros([1, length], int64), cache, lastOnly: true);
    }

    private static void WriteAdapter(string path)
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(path, new[] { (Layer: 0, Rank: 4), (Layer: 1, Rank: 2) }.SelectMany(pair => new[]
        {
            TensorSource.Of(Adapter.TensorName($"model.layers.{pair.Layer}.self_attn.q_proj", Lora.A), ones(pair.Rank, 16)),
            TensorSource.Of(Adapter.TensorName($"model.layers.{pair.Layer}.self_attn.q_proj", Lora.B), ones(16, pair.Rank)),
        }));
    }
}
