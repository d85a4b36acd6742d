using System.Text;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Network;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using TorchSharp;

namespace LoraAspire.Model.Generation;

/// <summary>A model ready to answer many at once: engine, tokenizer, prompt template. Safe to use from several threads.</summary>
public sealed class LocalModel : IDisposable
{
    private const int NoAdapter = -1;

    private readonly BatchEngine _engine;
    private readonly string _directory;
    private readonly int _adapter;

    /// <param name="endIds">Of <see cref="EndTokens"/>, which reads a file that may be broken: before there is an engine, which would be
    /// nobody's then.</param>
    private LocalModel(BatchEngine engine, string directory, HfTokenizer tokenizer, ModelPrompt prompt, IReadOnlySet<int> endIds,
        int adapter = NoAdapter)
    {
        (_engine, _directory, _adapter) = (engine, directory, adapter);
        (Tokenizer, Format, Warning, EndIds) = (tokenizer, prompt.Format, prompt.Warning, endIds);
    }

    public HfTokenizer Tokenizer { get; }
    public PromptFormat Format { get; }

    /// <summary>What whoever asks this model should know of the way in which it is asked; null where nothing is odd.</summary>
    public string? Warning { get; }

    /// <summary>Tokens that end an answer.</summary>
    public IReadOnlySet<int> EndIds { get; }

    /// <summary>Positions the model knows, prompt and answer together, as far as its cache holds them.</summary>
    public int Context => _engine.Longest;

    public ModelConfig Config => _engine.Config;

    /// <inheritdoc cref="StepExecutor.Description"/>
    public string Description => _engine.Description;

    /// <summary>Loads a Hugging Face directory.</summary>
    /// <param name="fallback">Used when the folder has neither prompt_template.json nor a chat template; null takes alpaca.</param>
    /// <exception cref="ModelException">Something is missing or broken; the message names the file.</exception>
    public static LocalModel Load(string directory, torch.Device device, PromptFormat? fallback = null,
        WeightFormat weights = WeightFormat.Auto)
    {
        try
        {
            var tokenizer = HfTokenizer.Load(directory);
            var prompt = ModelPrompt.Of(directory, fallback);
            var endIds = EndTokens.Of(directory, tokenizer, prompt.Format);
            return new LocalModel(new(Executors.Load(directory, device, weights), tokenizer, UsualLimits(device)), directory,
                tokenizer, prompt, endIds);
        }
        catch (Exception error) when (error is FileNotFoundException or InvalidDataException or NotSupportedException)
        {
            throw new ModelException(error.Message, error);
        }
    }

    /// <summary>Over a model that is in memory, such as one in training, and stays its owner's.</summary>
    /// <param name="directory">Has the tokenizer, and what ends answers.</param>
    /// <param name="format">Null takes alpaca.</param>
    /// <param name="cacheTokens">Of all prompts and answers that are in work at once; a text can't be longer.</param>
    public static LocalModel Of(LlamaModel model, string directory, PromptFormat? format, int cacheTokens)
    {
        var tokenizer = HfTokenizer.Load(directory);
        ModelPrompt prompt = new(format ?? PromptTemplate.Load(ModelPrompt.LastResort), null);
        var endIds = EndTokens.Of(directory, tokenizer, prompt.Format);
        return new LocalModel(new(Executors.Of(model, cacheTokens), tokenizer, UsualLimits(model.Device)), directory, tokenizer, prompt,
            endIds);
    }

    /// <summary>
    /// This model with a PEFT adapter beside it, asked as in the adapter's training; both answer in the same steps. Disposing it frees the
    /// adapter, whose requests fail in words then, and leaves the base.
    /// </summary>
    /// <param name="folder">The adapter's.</param>
    /// <exception cref="ModelException">It is broken, was made for another base, or has to be merged.</exception>
    public async Task<LocalModel> WithAdapterAsync(string folder)
    {
        using var adapter = await Task.Run(() => Adapter.Load(folder)).ConfigureAwait(false);
        var prompt = PromptFormat.Of(folder) is { } trained ? new ModelPrompt(trained, null) : new(Format, Warning);
        var endIds = EndTokens.Of(_directory, Tokenizer, prompt.Format);
        var added = await _engine.AddAdapterAsync(adapter).ConfigureAwait(false);
        return new LocalModel(_engine, _directory, Tokenizer, prompt, endIds, added);
    }

    /// <inheritdoc cref="BatchEngine.StreamAsync"/>
    public IAsyncEnumerable<TextPiece> StreamAsync(IReadOnlyList<int> promptIds, GenerationOptions options,
        CancellationToken cancellationToken = default) =>
        _engine.StreamAsync(promptIds, options, EndIds, _adapter, cancellationToken);

    /// <summary>The first answer to a prompt, whole.</summary>
    public async Task<string> CompleteAsync(IReadOnlyList<int> promptIds, GenerationOptions options,
        CancellationToken cancellationToken = default)
    {
        StringBuilder text = new();
        await foreach (var piece in StreamAsync(promptIds, options, cancellationToken).ConfigureAwait(false))
        {
            text.Append(piece.Choice == 0 ? piece.Text : "");
        }
        return text.ToString();
    }

    /// <summary>The answer to one instruction, asked as in training.</summary>
    public async Task<string> AnswerAsync(string instruction, GenerationOptions options, CancellationToken cancellationToken = default) =>
        (await CompleteAsync(Format.Prompt(new(null, [new(instruction)]), Tokenizer), options, cancellationToken)
            .ConfigureAwait(false)).Trim();

    /// <summary>The answers to several prompts, computed together, in their order.</summary>
    /// <param name="progress">Told 1 for each answer that is there.</param>
    public async Task<IReadOnlyList<string>> AnswersAsync(IReadOnlyList<IReadOnlyList<int>> prompts, GenerationOptions options,
        IProgress<int>? progress = null, CancellationToken cancellationToken = default)
    {
        using SemaphoreSlim places = new(AtOnce);
        using var others = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        return await Task.WhenAll(prompts.Select(async prompt =>
        {
            await places.WaitAsync(others.Token).ConfigureAwait(false);
            try
            {
                var answer = await CompleteAsync(prompt, options, others.Token).ConfigureAwait(false);
                progress?.Report(1);
                return answer;
            }
            catch
            {
                await others.CancelAsync().ConfigureAwait(false);
                throw;
            }
            finally
            {
                places.Release();
            }
        })).ConfigureAwait(false);
    }

    /// <summary>Mean of the last hidden states of a text: [hidden_size].</summary>
    /// <exception cref="ModelException">It is empty, or longer than the context.</exception>
    public float[] Embed(IReadOnlyList<int> ids) =>
        _engine.BetweenStepsAsync(executor => executor.MeanHidden(ids)).GetAwaiter().GetResult();

    public void Dispose()
    {
        if (_adapter == NoAdapter)
        {
            _engine.Dispose();
        }
        else
        {
            _engine.RemoveAdapter(_adapter);
        }
    }

    /// <summary>Of many prompts, those in the engine together: it is full with them, and others still get in.</summary>
    private const int AtOnce = 256;

    /// <summary>A step should take a moment only, since the answers in work wait for its prompts.</summary>
    private static EngineLimits UsualLimits(torch.Device device) => new(StepTokens: device.type == DeviceType.CUDA ? 2048 : 256);
}
