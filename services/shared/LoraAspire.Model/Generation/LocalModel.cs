using System.Text.Json;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using TorchSharp;

namespace LoraAspire.Model.Generation;

/// <summary>A model folder ready to answer: network, tokenizer, prompt template, end-of-sequence ids.</summary>
public sealed class LocalModel : IDisposable
{
    private readonly LlamaModel _model;
    private readonly TextGenerator _generator;

    private LocalModel(LlamaModel model, HfTokenizer tokenizer, ModelPrompt prompt, IReadOnlySet<int> eosIds) =>
        (_model, Tokenizer, Format, Warning, EndIds, _generator) =
            (model, tokenizer, prompt.Format, prompt.Warning, eosIds, new TextGenerator(model, tokenizer, eosIds));

    public HfTokenizer Tokenizer { get; }
    public PromptFormat Format { get; }

    /// <summary>What whoever asks this model should know of the way in which it is asked; null where nothing is odd.</summary>
    public string? Warning { get; }

    /// <summary>Tokens that end an answer.</summary>
    public IReadOnlySet<int> EndIds { get; }

    /// <summary>Positions the model knows, prompt and answer together.</summary>
    public int Context => _model.Config.Context;

    /// <summary>Loads a Hugging Face directory: in bfloat16 on a GPU that has it, else in float32.</summary>
    /// <param name="fallback">Used when the folder has neither prompt_template.json nor a chat template; null takes alpaca.</param>
    /// <exception cref="ModelException">Something is missing or broken; the message names the file.</exception>
    public static LocalModel Load(string directory, torch.Device device, PromptFormat? fallback = null)
    {
        try
        {
            var tokenizer = HfTokenizer.Load(directory);
            var prompt = ModelPrompt.Of(directory, fallback);
            var model = LlamaModel.Load(directory, device, CudaDevice.UsualType(device));
            return new LocalModel(model, tokenizer, prompt, EosIds(directory, tokenizer, prompt.Format));
        }
        catch (Exception error) when (error is FileNotFoundException or InvalidDataException or NotSupportedException)
        {
            throw new ModelException(error.Message, error);
        }
    }

    public IEnumerable<TextPiece> Stream(IReadOnlyList<int> promptIds, GenerationOptions options,
        CancellationToken cancellationToken = default) =>
        _generator.Stream(promptIds, options, cancellationToken);

    /// <summary>Mean over the tokens of what the last norm gives: [hidden_size], for embeddings.</summary>
    /// <param name="ids">At least one, at most the context.</param>
    public float[] MeanHidden(IReadOnlyList<int> ids) => _model.MeanHidden(ids);

    /// <summary>The answer to one instruction, asked as in training.</summary>
    public string Answer(string instruction, GenerationOptions options, CancellationToken cancellationToken = default) =>
        _generator.Complete(Format.Prompt(new(null, [new(instruction)]), Tokenizer), options, cancellationToken).Trim();

    /// <summary>The tokenizer's, those of generation_config.json (one id or several), and what the template closes answers with.</summary>
    public static IReadOnlySet<int> EosIds(string directory, HfTokenizer tokenizer, PromptFormat? format = null)
    {
        HashSet<int> ids = [tokenizer.EosId, .. format?.EndIds(tokenizer) ?? []];
        var path = Path.Combine(directory, "generation_config.json");
        if (File.Exists(path))
        {
            ids.UnionWith(JsonFile.Read(path, "generation configuration",
                root => !root.TryGetProperty("eos_token_id", out var eos) ? [] : eos.ValueKind switch
                {
                    JsonValueKind.Number => [eos.GetInt32()],
                    JsonValueKind.Array => eos.EnumerateArray().Select(id => id.GetInt32()).ToList(),
                    _ => [],
                }));
        }
        return ids;
    }

    public void Dispose() => _model.Dispose();
}
