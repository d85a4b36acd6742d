using System.Text.Json;
using LoraAspire.Model.Network;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Model.Weights;
using LoraAspire.Tests.Trainer;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Adapters;

/// <summary>
/// A model folder that says one thing, known beforehand. Attention and MLP give 0, so that what follows a token depends on that token
/// alone: each has a direction
/// of its own, and the head turns it into the next one. What has no direction is followed by token 0, which is none that a tokenizer
/// writes.
/// </summary>
internal static class SpeakingModel
{
    private const int Hidden = 16;

    /// <param name="after">The answer comes after a prompt that ends in this, and after no other.</param>
    public static void Save(string folder, string after, string answer)
    {
        TokenizerFiles.Copy(TrainerStageRun.Base, folder);
        var tokenizer = HfTokenizer.Load(folder);
        int[] said = [tokenizer.Encode(after, addBos: false)[^1], .. tokenizer.EncodeContinuation(answer), tokenizer.EosId];
        Assert.Equal(said.Length, said.Distinct().Count());
        Assert.InRange(said.Length, 2, Hidden);
        File.WriteAllText(Path.Combine(folder, "config.json"), JsonSerializer.Serialize(new
        {
            model_type = "llama",
            vocab_size = tokenizer.VocabSize,
            hidden_size = Hidden,
            intermediate_size = 24,
            num_hidden_layers = 1,
            num_attention_heads = 2,
            max_position_embeddings = 256,
            rms_norm_eps = 1e-5,
            tie_word_embeddings = false,
            bos_token_id = tokenizer.BosId,
            eos_token_id = tokenizer.EosId,
            torch_dtype = "float32",
        }));
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(ModelConfig.Load(folder), CPU, float32, seed: 1);
        foreach (var (name, weight) in model.Weights().Where(weight => weight.Tensor.dim() == 2))
        {
            weight.zero_();
            for (var i = 0; i + 1 < said.Length; i++)
            {
                if (name is "model.embed_tokens.weight")
                {
                    weight[said[i], i] = 1;
                }
                else if (name is "lm_head.weight")
                {
                    weight[said[i + 1], i] = 1;
                }
            }
        }
        SafetensorsWriter.Write(Path.Combine(folder, WeightFiles.Single),
            model.Weights().Select(weight => TensorSource.Of(weight.Name, weight.Tensor)));
    }

    public static void SaveTemplate(string folder, string prompt) => File.WriteAllText(
        Path.Combine(folder, PromptTemplate.FileName),
        JsonSerializer.Serialize(
            new { description = "", prompt_input = "{input}" + prompt, prompt_no_input = prompt, response_split = "!" }));
}
