using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network;

/// <summary>Modules that are trained whole beside an adapter: PEFT's modules_to_save. The base's own weights stay as they are.</summary>
public sealed partial class LlamaModel
{
    private const string EmbeddingPath = "model.embed_tokens";
    private const string HeadPath = "lm_head";

    /// <summary>The modules trained whole, by path, with their weights [vocab, hidden] float32.</summary>
    public IEnumerable<(string Path, Tensor Weight)> TrainedModules()
    {
        if (_trainedEmbedding is { } embedding)
        {
            yield return (EmbeddingPath, embedding);
        }
        if (Head?.Trained is { } head)
        {
            yield return (HeadPath, head);
        }
    }

    /// <summary>The path of a module that modules_to_save may name.</summary>
    /// <exception cref="ModelException">Another module, or one whose weight two modules share.</exception>
    internal string PathOfModule(string name) => (name, Config.TieWordEmbeddings) switch
    {
        ("embed_tokens" or "lm_head", true) =>
            throw new ModelException($"modules_to_save: '{name}' shares its weight with the other end of this model "
                + "(tie_word_embeddings), and training would separate them. Leave it out."),
        ("embed_tokens", _) => EmbeddingPath,
        ("lm_head", _) => HeadPath,
        _ => throw new ModelException($"modules_to_save: '{name}' can't be trained whole; embed_tokens and lm_head can."),
    };

    /// <summary>The base's weight of such a module [vocab, hidden].</summary>
    internal Tensor WeightOf(string path) => path == EmbeddingPath ? _embedding : Head!.Weight;

    /// <summary>Embeddings […, hidden] times what the family multiplies them by, which is rounded to the type, as in
    /// transformers.</summary>
    private Tensor Scaled(Tensor x) => Config.EmbeddingScale == 1 ? x : x.mul(tensor(Config.EmbeddingScale, Dtype));

    /// <summary>∂L/∂embedding of the step [vocab, hidden] float32; null where it isn't trained.</summary>
    internal Tensor? EmbeddingGradient { get => field ?? _trainedEmbedding?.grad; set; }

    /// <summary>The same of the head's weight, which may be the embedding's.</summary>
    internal Tensor? HeadGradient => Head is null ? EmbeddingGradient : Head.Gradient ?? Head.Trained?.grad;

    /// <param name="ids">[T]</param>
    /// <param name="gradient">∂L/∂x of what <see cref="Embed"/> gave [T, hidden].</param>
    internal void AddEmbeddingGradient(Tensor ids, Tensor gradient)
    {
        if (EmbeddingGradient is { } sums)
        {
            sums.index_add_(0, ids, Scaled(gradient.to_type(float32)), Scalars.One);
        }
    }

    /// <summary>
    /// Puts a weight of float32 in place of a module's; it is disposed with the model, and what was there before at once.
    /// </summary>
    public void Train(string path, Tensor weight)
    {
        var old = path == EmbeddingPath ? _trainedEmbedding : Head!.Trained;
        if (path == EmbeddingPath)
        {
            _trainedEmbedding = weight;
        }
        else
        {
            Head!.Trained = weight;
        }
        old?.Dispose();
    }
}
