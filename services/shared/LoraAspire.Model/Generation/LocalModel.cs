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
    private const string DefaultTemplate = "alpaca";

    private readonly LlamaModel _model;
    private readonly TextGenerator _generator;

    private LocalModel(LlamaModel model, HfTokenizer tokenizer, PromptTemplate template, IReadOnlySet<int> eosIds) =>
        (_model, Tokenizer, Template, _generator) = (model, tokenizer, template, new TextGenerator(model, tokenizer, eosIds));

    public HfTokenizer Tokenizer { get; }
    public PromptTemplate Template { get; }

    /// <summary>Positions the model knows, prompt and answer together.</summary>
    public int Context => _model.Config.Context;

    /// <summary>Loads a Hugging Face directory: in bfloat16 on a GPU that has it, else in float32.</summary>
    /// <param name="template">Used when the folder has no prompt_template.json; null takes alpaca.</param>
    /// <exception cref="ModelException">Something is missing or broken; the message names the file.</exception>
    public static LocalModel Load(string directory, torch.Device device, PromptTemplate? template = null)
    {
        try
        {
            var tokenizer = HfTokenizer.Load(directory);
            template = TemplateOf(directory) ?? template ?? PromptTemplate.Load(DefaultTemplate);
            var model = LlamaModel.Load(directory, device, CudaDevice.UsualType(device));
            return new LocalModel(model, tokenizer, template, EosIds(directory, tokenizer));
        }
        catch (Exception error) when (error is FileNotFoundException or InvalidDataException or NotSupportedException)
        {
            throw new ModelException(error.Message, error);
        }
    }

    /// <summary>The template that came with a model's training; null when the folder has none.</summary>
    public static PromptTemplate? TemplateOf(string directory)
    {
        var path = Path.Combine(directory, PromptTemplate.FileName);
        return File.Exists(path) ? PromptTemplate.Load(path) : null;
    }

    public IEnumerable<TextPiece> Stream(IReadOnlyList<int> promptIds, GenerationOptions options,
        CancellationToken cancellationToken = default) =>
        _generator.Stream(promptIds, options, cancellationToken);

    /// <summary>The answer to one instruction, asked as in training.</summary>
    public string Answer(string instruction, GenerationOptions options, CancellationToken cancellationToken = default) =>
        _generator.Complete(Tokenizer.Encode(Template.Prompt(instruction, null), addBos: true), options, cancellationToken).Trim();

    /// <summary>The tokenizer's, and those of generation_config.json (one id or several).</summary>
    public static IReadOnlySet<int> EosIds(string directory, HfTokenizer tokenizer)
    {
        HashSet<int> ids = [tokenizer.EosId];
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
