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
