using System.Text.Json;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;

namespace LoraAspire.Benchmarks.Serve;

/// <summary>A model of <see cref="Shapes"/> as a Hugging Face folder, without a tokenizer.</summary>
internal static class ModelFolder
{
    public static void Write(string folder, LlamaModel model)
    {
        Directory.CreateDirectory(folder);
        var config = model.Config;
        File.WriteAllText(Path.Combine(folder, "config.json"), JsonSerializer.Serialize(new
        {
            model_type = config.ModelType,
            vocab_size = config.VocabSize,
            hidden_size = config.HiddenSize,
            intermediate_size = config.IntermediateSize,
            num_hidden_layers = config.NumHiddenLayers,
            num_attention_heads = config.NumAttentionHeads,
            num_key_value_heads = config.NumKeyValueHeads,
            max_position_embeddings = config.MaxPositionEmbeddings,
            rms_norm_eps = config.RmsNormEps,
            rope_theta = config.RopeTheta,
            tie_word_embeddings = config.TieWordEmbeddings,
            torch_dtype = model.Dtype.ToString().ToLowerInvariant(),
        }));
        SafetensorsWriter.Write(Path.Combine(folder, WeightFiles.Single),
            model.Weights().Select(weight => TensorSource.Of(weight.Name, weight.Tensor)));
    }
}
