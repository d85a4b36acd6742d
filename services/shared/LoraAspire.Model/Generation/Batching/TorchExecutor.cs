using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Model.Generation.Batching;

/// <summary>
/// Steps by libtorch's own operators, on any device and for every family: the executor where no faster one knows a model. All tokens of a
/// step pass the linear layers as the rows of one product; attention is computed a sequence at a time.
/// </summary>
public sealed class TorchExecutor : StepExecutor
{
    private const int AtOnce = 256;
    private const long UsualCacheBytes = 1L << 30, MostCacheBytes = 8L << 30;

    private readonly LlamaModel _model;
    private readonly bool _owns;
    private readonly TorchCache _cache;
    private readonly TorchAdapters _adapters;

    /// <param name="owns">The model goes with the executor.</param>
    /// <param name="cacheTokens">
    /// Positions that the cache holds; null takes 1 GiB, and up to 8 so that one text of the whole context fits.
    /// </param>
    public TorchExecutor(LlamaModel model, bool owns = true, int? cacheTokens = null)
    {
        (_model, _owns, _adapters) = (model, owns, new TorchAdapters(model));
        _cache = new TorchCache(model, Room(model, cacheTokens));
    }

    public override ModelConfig Config => _model.Config;
    public override string Description => $"libtorch on {_model.Device.type}, {_model.Dtype}".ToLowerInvariant();
    public override int Blocks => _cache.Blocks;
    public override int MostSequences => AtOnce;
    public override int MostTokens => 4096;

    public override StepResults Run(IReadOnlyList<SequenceSlice> slices)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var rows = TorchRows.Of(slices, _model);
        var x = _model.Embed(rows.Ids); // [1, tokens, hidden]
        Tensor Apply(Linear linear, Tensor input) => _adapters.Forward(linear, input, rows);
        foreach (var layer in _model.Layers)
        {
            using var inner = NewDisposeScope();
            var (q, k, v) = layer.Attention.Project(layer.Norms.Attention.Forward(x), rows.Cos, rows.Sin, Apply);
            _cache.Write(layer.Index, rows.Slots, k, v);
            var context = cat(rows.Parts.Select(part => layer.Attention.Attend(q.narrow(2, part.Row, part.Count),
                _cache.Keys(layer.Index, part.Slots), _cache.Values(layer.Index, part.Slots), part.Mask(Config.SlidingWindow[layer.Index]),
                causal: part.Count > 1)).ToArray(), 2);
            var attended = x.add(DecoderLayer.Normed(Apply(layer.Attention.Output, SelfAttention.Joined(context)),
                layer.Norms.AttentionOutput), Scalars.One);
            var mlp = layer.Mlp.Forward(layer.Norms.Mlp.Forward(attended), Apply);
            x = attended.add(DecoderLayer.Normed(mlp, layer.Norms.MlpOutput), Scalars.One).MoveToOuterDisposeScope();
        }
        return TorchResults.Of(_model, x, rows);
    }

    public override int AddAdapter(Adapter adapter) => _adapters.Add(adapter);

    public override void RemoveAdapter(int adapter) => _adapters.Remove(adapter);

    public override float[] MeanHidden(IReadOnlyList<int> ids)
    {
        RequireText(ids, Config.Context);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var hidden = _model.Hidden(tensor(ids.Select(id => (long)id).ToArray(), [1, ids.Count], device: _model.Device), null, null);
        return TorchResults.Read(hidden.to_type(float32).mean([0, 1]));
    }

    public override void Dispose()
    {
        _cache.Dispose();
        _adapters.Dispose();
        if (_owns)
        {
            _model.Dispose();
        }
    }

    private static int Room(LlamaModel model, int? tokens)
    {
        var config = model.Config;
        var block = 2L * config.NumHiddenLayers * BlockSize * config.NumKeyValueHeads * config.HeadDim * ElementTypes.Size(model.Dtype);
        var context = ((long)config.Context + BlockSize - 1) / BlockSize;
        return (int)(tokens is { } wanted ? Math.Max(1, (wanted + BlockSize - 1) / BlockSize)
            // More than every sequence of a step could fill is of no use.
            : Math.Clamp(Math.Max(UsualCacheBytes / block, Math.Min(context, MostCacheBytes / block)), 1, context * AtOnce));
    }
}
