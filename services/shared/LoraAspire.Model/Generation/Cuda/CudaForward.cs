using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using static TorchSharp.torch;

namespace LoraAspire.Model.Generation.Cuda;

/// <summary>The forward pass of a step, as launches on one stream. Its addresses never change, so that graphs can be made of it.</summary>
internal sealed class CudaForward : IDisposable
{
    private readonly ModelConfig _config;
    private readonly CudaWeights _weights;
    private readonly ServeKernels _kernels;
    private readonly Cublas _cublas;
    private readonly AdapterTable _adapters;
    private readonly Rope _rope;
    private readonly Tensor _cosine, _sine;
    private readonly List<Tensor> _held = [];

    // float32: the residual stream, what an output norm reads, attention's splits, logits. bfloat16: the rest.
    private readonly nint _x, _beforeNorm, _splits, _normed, _qkv, _attended, _gateUp, _inner, _results;

    /// <param name="positions">Positions of a sequence at most.</param>
    public CudaForward(ModelConfig config, CudaWeights weights, ServeKernels kernels, Cublas cublas, AdapterTable adapters,
        CudaOptions options, int positions)
    {
        (_config, _weights, _kernels, _cublas, _adapters) = (config, weights, kernels, cublas, adapters);
        _rope = new Rope(config, CUDA);
        (_cosine, _sine) = _rope.UpTo(positions);
        _cosine.DetachFromDisposeScope();
        _sine.DetachFromDisposeScope();
        long rows = options.MostTokens, hidden = config.HiddenSize, inner = config.IntermediateSize;
        _x = Room(rows * hidden, float32);
        _beforeNorm = config.OutputNorms ? Room(rows * hidden, float32) : 0;
        _normed = Room(rows * hidden, bfloat16);
        _qkv = Room(rows * QkvWidth, bfloat16);
        _attended = Room(rows * QueryWidth, bfloat16);
        _gateUp = Room(rows * 2 * inner, bfloat16);
        _inner = Room(rows * inner, bfloat16);
        _results = Room(options.MostSequences * hidden, bfloat16);
        Logits = Room((long)options.MostSequences * config.VocabSize, float32);
        Drawn = Room(options.MostSequences, int32);
        var most = Enumerable.Range(1, options.MostSequences)
            .Max(n => ServeKernels.Splits(n, kernels.BlocksOfRow, positions) is { Splits: > 1 and var splits } ? n * (long)splits : 0);
        _splits = Room(Math.Max(1, most * config.NumAttentionHeads * (config.HeadDim + 2)), float32);
        cuda.synchronize();
    }

    private int QueryWidth => _config.NumAttentionHeads * _config.HeadDim;
    private int KeyWidth => _config.NumKeyValueHeads * _config.HeadDim;
    private int QkvWidth => QueryWidth + (2 * KeyWidth);

    /// <summary>[sequences, vocab] float32: a row for each result.</summary>
    public nint Logits { get; }

    /// <summary>[sequences] int32.</summary>
    public nint Drawn { get; }

    /// <summary>A whole step: layers, and of the wanted rows logits and drawn tokens.</summary>
    /// <param name="inputs">As <paramref name="at"/> has them.</param>
    /// <param name="decoded">Rows, from the first on, that are their sequence's only one.</param>
    public void Run(nint inputs, StepLayout at, int decoded, (int Splits, int Share) split, bool adapters, CudaCache cache)
    {
        var decoding = at.Tiles == 0;
        var tiles = decoding ? ServeKernels.Tiles(at.Rows) : 0;
        Layers(inputs, at, decoded, split, adapters, cache, tiles);
        if (at.Results == 0)
        {
            return;
        }
        _kernels.Norm(_x, decoding ? 0 : inputs + (4 * at.Wanted), _weights.LastNorm, _results, at.Results, _config.HiddenSize, tiles);
        Product(ProductMode.Write, _weights.Head, _results, Logits, (_config.VocabSize, _config.HiddenSize, at.Results), tiles);
        _kernels.CapLogits(Logits, at.Results);
        _kernels.Draw(Logits, at.Results, inputs + (4 * at.Draws), Drawn);
    }

    /// <summary>The layers, and the last norm of every row.</summary>
    public void Hidden(nint inputs, StepLayout at, int decoded, (int Splits, int Share) split, bool adapters, CudaCache cache)
    {
        Layers(inputs, at, decoded, split, adapters, cache, tiles: 0);
        _kernels.Norm(_x, 0, _weights.LastNorm, _normed, at.Rows, _config.HiddenSize, tiles: 0);
    }

    public void AddRows(nint sums, int rows) => _kernels.AddRows(_normed, sums, rows, _config.HiddenSize);

    private void Layers(nint inputs, StepLayout at, int decoded, (int Splits, int Share) split, bool adapters, CudaCache cache, int tiles)
    {
        int rows = at.Rows, hidden = _config.HiddenSize, inner = _config.IntermediateSize;
        var choice = inputs + (4 * at.Adapters);
        _kernels.Embed(inputs + (4 * at.Ids), _weights.Embedding, _x, rows, hidden);
        foreach (var (index, layer) in _weights.Layers.Index())
        {
            void LowRank(nint x, nint y, bool wide, (int First, int Count) group, (int K, int Width, int Others) size)
            {
                if (adapters)
                {
                    var first = (index * AdapterTable.PerLayer) + group.First;
                    _kernels.LowRank(x, y, wide, _adapters, (first, group.Count), choice, rows, size, tiles);
                }
            }

            _kernels.Norm(_x, 0, layer.AttentionNorm, _normed, rows, hidden, tiles);
            Product(ProductMode.Narrow, layer.Qkv, _normed, _qkv, (QkvWidth, hidden, rows), tiles);
            LowRank(_normed, _qkv, false, (0, 3), (hidden, QueryWidth, KeyWidth));
            Attend(Heads(layer, index, cache), inputs, at, decoded, split, tiles);
            AddOutput(layer.Output, layer.OutputBias, layer.AttentionOutputNorm, _attended, QueryWidth, rows, tiles,
                y => LowRank(_attended, y, true, (3, 1), (QueryWidth, hidden, 0)));

            _kernels.Norm(_x, 0, layer.MlpNorm, _normed, rows, hidden, tiles);
            if (tiles > 0 && !adapters)
            {
                Product(ProductMode.Gated, layer.GateUp, _normed, _inner, (2 * inner, hidden, rows), tiles);
            }
            else
            {
                Product(ProductMode.Narrow, layer.GateUp, _normed, _gateUp, (2 * inner, hidden, rows), tiles);
                LowRank(_normed, _gateUp, false, (4, 2), (hidden, inner, inner));
                _kernels.Gate(_gateUp, _inner, rows, inner, tiles);
            }
            AddOutput(layer.Down, 0, layer.MlpOutputNorm, _inner, inner, rows, tiles,
                y => LowRank(_inner, y, true, (6, 1), (inner, hidden, 0)));
        }
    }

    /// <summary>x += W·y, or the norm of it where the family has one there.</summary>
    private void AddOutput(nint weight, nint bias, nint norm, nint y, int width, int rows, int tiles, Action<nint> lowRank)
    {
        var to = norm == 0 ? _x : _beforeNorm;
        Product(norm == 0 ? ProductMode.Add : ProductMode.Write, weight, y, to, (_config.HiddenSize, width, rows), tiles, bias);
        lowRank(to);
        if (norm != 0)
        {
            _kernels.AddNormed(_x, to, norm, rows, _config.HiddenSize);
        }
    }

    private void Attend(HeadArguments heads, nint inputs, StepLayout at, int decoded, (int Splits, int Share) split, int tiles)
    {
        if (decoded > 0)
        {
            _kernels.AttendOne(heads, inputs, at, decoded, split, _attended, _splits, tiles);
        }
        if (at.Tiles > 0)
        {
            _kernels.AttendMany(heads, inputs, at, decoded, _attended);
        }
    }

    private HeadArguments Heads(LayerAddresses layer, int index, CudaCache cache) => new()
    {
        Qkv = _qkv,
        Bias = layer.QkvBias,
        QueryNorm = layer.QueryNorm,
        KeyNorm = layer.KeyNorm,
        Cosine = Aten.Data(_cosine),
        Sine = Aten.Data(_sine),
        Keys = cache.Keys(index),
        Values = cache.Values(index),
        Epsilon = (float)_config.RmsNormEps,
        PlusOne = _config.NormPlusOne ? 1 : 0,
        Scale = (float)(_config.AttentionScale ?? 1 / Math.Sqrt(_config.HeadDim)),
        Cap = (float)(_config.ScoreCap ?? 0),
        Window = _config.SlidingWindow[index] ?? 0,
    };

    private void Product(ProductMode mode, nint weight, nint x, nint to, (int Rows, int K, int N) size, int tiles, nint bias = 0)
    {
        if (tiles > 0)
        {
            _kernels.Product(mode, weight, x, to, size, tiles, bias);
            return;
        }
        _cublas.Product(weight, x, to, size, mode != ProductMode.Narrow, mode == ProductMode.Add);
        if (bias != 0)
        {
            _kernels.AddBias(to, bias, size.N, size.Rows);
        }
    }

    /// <summary>Zeroed: what no step has written yet must be finite.</summary>
    private nint Room(long elements, ScalarType type)
    {
        var tensor = zeros([elements], type, CUDA).DetachFromDisposeScope();
        _held.Add(tensor);
        return Aten.Data(tensor);
    }

    public void Dispose() => TensorGroup.DisposeAll([_cosine, _sine, _rope, .. _held]);
}
