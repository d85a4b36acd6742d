using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Network.Quantised;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LoraAspire.Model.Network;

/// <summary>
/// A Llama-architecture causal language model: embedding → decoder layers → norm → head. The branches between
/// families (biases, norms, windows, caps, rope scaling) are those of <see cref="ModelConfig"/>.
/// </summary>
public sealed partial class LlamaModel : IDisposable
{
    private Tensor _embedding; // [vocab, hidden]
    private Tensor? _trainedEmbedding; // float32, in its place
    private readonly DecoderLayer[] _layers;
    private readonly RmsNorm _norm; // on what the last layer gives
    private readonly Rope _rope;

    private LlamaModel(ModelConfig config, torch.Device device, ScalarType dtype, Func<string, long[], Tensor> weight,
        Func<string, long[], QuantisedWeight?>? quantised = null, LayerShards? shards = null)
    {
        (Config, Device, Dtype, Shards) = (config, device, dtype, shards);
        var hidden = config.HiddenSize;
        _embedding = weight("model.embed_tokens.weight", [config.VocabSize, hidden]);
        _layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(index =>
        {
            var layer = DecoderLayer.Of(config, index, weight, quantised);
            shards?.Take(layer);
            return layer;
        })];
        _norm = new(weight("model.norm.weight", [hidden]), config.RmsNormEps, config.NormPlusOne);
        Head = config.TieWordEmbeddings ? null : new("lm_head", weight("lm_head.weight", [config.VocabSize, hidden]), null);
        _rope = new Rope(config, device);
    }

    public ModelConfig Config { get; }
    public torch.Device Device { get; }
    public ScalarType Dtype { get; }

    /// <summary>What the layers' weights are held in; null where they are in <see cref="Dtype"/>.</summary>
    public BaseFormat? HeldIn => Linears.Select(linear => linear.Quantised?.Format).FirstOrDefault(format => format is not null);

    /// <summary>The output layer; null when it shares the embedding's weight.</summary>
    public Linear? Head { get; }

    /// <summary>alpha of <see cref="EmbeddingNoise"/>; 0 is none.</summary>
    public double NeftuneNoiseAlpha { get; set; }

    /// <summary>Every linear layer but the head, in the model's order.</summary>
    public IEnumerable<Linear> Linears => _layers.SelectMany(layer => layer.Linears);

    /// <summary>
    /// Why training this model as it stands needs autograd; null where the fused path does it, if it does on this device.
    /// </summary>
    public string? WhyAutograd =>
        FusedModel.Unsupported(Config) is { } shape ? shape
        : Adapters.FirstOrDefault(adapter => adapter.Kind.Fused(adapter) is null) is { } other ? $"its adapters are {other.Kind.Name}'s"
        : !Adapters.Any(adapter => adapter.Kind.Fused(adapter)!.Magnitude is not null) ? null
        : HeldIn is not null ? "its adapters measure the base's weights, which are no numbers"
        : Shards is not null ? "its adapters measure the base's weights, which are shared among devices" : null;

    private IEnumerable<LayerAdapter> Adapters => Linears.Select(linear => linear.Adapter).OfType<LayerAdapter>();

    /// <summary>Logits [batch, length, vocab] in float32; with <paramref name="lastOnly"/> [batch, 1, vocab].</summary>
    /// <param name="ids">[batch, length] int64</param>
    /// <param name="cache">Positions before these; they are added to it.</param>
    /// <param name="attentionMask">[batch, length], 1 on real tokens, 0 on padding; null when no padding stands before a real token. Not
    /// together with a cache.</param>
    public Tensor Forward(Tensor ids, KvCache? cache = null, Tensor? attentionMask = null, bool lastOnly = false)
    {
        using var scope = NewDisposeScope();
        var hidden = Hidden(ids, cache, attentionMask);
        return Logits(lastOnly ? hidden.narrow(1, hidden.size(1) - 1, 1) : hidden).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Σ over labelled positions of −log p(token t | tokens before t): a scalar in float32. The head runs only where a label stands.
    /// </summary>
    /// <param name="labels">[batch, length] int64, −100 where there is no loss; a label belongs to the position before it.</param>
    /// <param name="weights">[batch] float32: what each target of a row counts; null counts 1.</param>
    /// <param name="noise">On the embeddings.</param>
    public Tensor SummedLoss(Tensor ids, Tensor labels, Tensor? attentionMask, bool training, Tensor? weights = null,
        EmbeddingNoise? noise = null)
    {
        using var scope = NewDisposeScope();
        var hidden = Hidden(ids, null, attentionMask, training, noise);
        var targets = labels.narrow(1, 1, labels.size(1) - 1).reshape(-1);
        var supervised = targets.ne((-100.0).AsScalar()).nonzero().squeeze(1);
        var rows = hidden.narrow(1, 0, hidden.size(1) - 1).reshape(-1, Config.HiddenSize).index_select(0, supervised);
        var losses = F.cross_entropy(Logits(rows), targets.index_select(0, supervised), reduction: nn.Reduction.None);
        return (weights is null ? losses
            : losses.mul(weights.index_select(0, supervised.div((labels.size(1) - 1).AsScalar(), RoundingMode.floor)))).sum()
            .MoveToOuterDisposeScope();
    }

    /// <param name="hidden">[…, hidden], behind the last norm.</param>
    /// <returns>[…, vocab] float32</returns>
    internal Tensor Logits(Tensor hidden)
    {
        var logits = Head?.Forward(hidden) ?? F.linear(hidden, _embedding);
        return (Config.LogitCap is { } cap ? Activations.Cap(logits, cap) : logits).to_type(float32);
    }

    /// <summary>What the last norm gives: [batch, length, hidden].</summary>
    internal Tensor Hidden(Tensor ids, KvCache? cache, Tensor? attentionMask, bool training = false, EmbeddingNoise? noise = null)
    {
        int length = (int)ids.size(1), start = cache?.Length ?? 0, end = start + length;
        if (end > (cache?.MaxLength ?? Config.Context))
        {
            throw new ModelException($"{end} tokens do not fit into the context of {cache?.MaxLength ?? Config.Context}.");
        }
        var (cos, sin) = _rope.At(start, length, Dtype);
        var pass = new Pass(cos, sin, AttentionMasks.Of(Config, start, length, Device, attentionMask), cache, Causal: length > 1, training);

        var x = Embed(ids, noise);
        foreach (var layer in _layers)
        {
            x = layer.Forward(x, pass);
        }
        cache?.Advance(length);
        return _norm.Forward(x);
    }

    /// <summary>[batch, length, hidden]</summary>
    internal Tensor Embed(Tensor ids, EmbeddingNoise? noise = null)
    {
        var x = Scaled((_trainedEmbedding ?? _embedding).index_select(0, ids.reshape(-1)).to_type(Dtype)
            .view(ids.size(0), ids.size(1), Config.HiddenSize));
        return noise?.AddedTo(x) ?? x;
    }

    public void Dispose() => TensorGroup.DisposeAll([_embedding, _trainedEmbedding, _norm, _rope, Head, .. _layers, Shards]);
}
