using System.Globalization;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Model.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Generation.Cuda;

/// <summary>
/// Steps on a GPU in bfloat16, by kernels compiled for the model at hand and cuBLAS, on a stream of its own. A step of one token a sequence
/// runs as a CUDA graph, one for each batch size, made when it is first needed; tokens are drawn on the device.
/// </summary>
public sealed class CudaExecutor : StepExecutor
{
    private const double ShareOfMemory = 0.9;
    private const long KeptFree = 512L << 20; // graphs, and what libtorch takes for itself

    private readonly List<IDisposable> _owned = [];
    private readonly CudaQueue _queue;
    private readonly ServeKernels _kernels;
    private readonly AdapterTable _adapters;
    private readonly CudaForward _forward;
    private readonly CudaCache _cache;
    private readonly CudaOptions _options;
    private readonly Tensor _inputs;
    private readonly PinnedMemory _hostInputs, _hostDrawn;
    private readonly Dictionary<(int Rows, int Splits, bool Adapters), nint> _graphs = [];
    private readonly HashSet<(int Rows, int Splits, bool Adapters)> _seen = [];
    private readonly int _positions;
    private readonly int _always = -1; // the adapter that a model in training has attached

    /// <param name="weights">Its own from then on, whether it can be made or not.</param>
    private CudaExecutor(ModelConfig config, CudaWeights weights, CudaOptions options, Func<AdapterTable, int>? attached = null)
    {
        options = options with { MostTokens = Math.Max(options.MostTokens, options.MostSequences) };
        (Config, _options) = (config, options);
        using var noGrad = no_grad();
        try
        {
            Own(weights);
            _queue = Own(new CudaQueue());
            _kernels = new ServeKernels(_queue, config, options.KernelFolder);
            var cublas = Own(new Cublas(_queue));
            _adapters = Own(new AdapterTable(config, options.MostTokens));
            _always = attached?.Invoke(_adapters) ?? -1;
            var positions = _positions = Math.Min(config.Context, options.MostPositions);
            _forward = Own(new CudaForward(config, weights, _kernels, cublas, _adapters, options, positions));
            var tables = options.MostSequences * (long)((positions + BlockSize - 1) / BlockSize + BlockSize);
            var words = new StepLayout(options.MostTokens, options.MostSequences, options.MostTokens, 0, 0).Words + tables;
            _inputs = Own(zeros([words], int32, CUDA).DetachFromDisposeScope());
            _hostInputs = Own(new PinnedMemory(words * sizeof(int)));
            _hostDrawn = Own(new PinnedMemory(options.MostSequences * sizeof(int)));
            var room = options.CacheBytes ?? (long)(ShareOfMemory * (CudaQueue.FreeBytes() - KeptFree));
            var most = options.MostSequences * (long)((positions + BlockSize - 1) / BlockSize);
            var blocks = Math.Min(most, room / CudaCache.BlockBytes(config));
            if (blocks < 1)
            {
                throw new ModelException(string.Create(CultureInfo.InvariantCulture,
                    $"There is no room for keys and values: {room / 1e6:F0} MB, and a block of {BlockSize} positions takes "
                        + $"{CudaCache.BlockBytes(config) / 1e6:F1}."));
            }
            _cache = Own(new CudaCache(config, (int)blocks));
            cuda.synchronize();
        }
        catch
        {
            DisposeOwned();
            throw;
        }
    }

    private T Own<T>(T part) where T : IDisposable
    {
        _owned.Add(part);
        return part;
    }

    private void DisposeOwned()
    {
        _owned.Reverse();
        _owned.ForEach(part => part.Dispose());
    }

    public override ModelConfig Config { get; }
    public override string Description =>
        $"cuda bf16, compute capability {CudaDevice.Capability() / 10}.{CudaDevice.Capability() % 10}";
    public override int Blocks => _cache.Blocks;
    public override int MostSequences => _options.MostSequences;
    public override int MostTokens => _options.MostTokens;

    /// <summary>Why a model can't be served so; null when it can. The general way, by libtorch, serves it then.</summary>
    public static string? Unsupported(ModelConfig config) => !cuda.is_available() ? "this libtorch sees no GPU"
        : ServeKernels.Unsupported(config, CudaDevice.Capability());

    /// <summary>Loads a Hugging Face directory straight onto the device, in bfloat16.</summary>
    /// <exception cref="ModelException">It can't be served so, a file is missing or broken, or there is no room.</exception>
    public static CudaExecutor Load(string folder, CudaOptions? options = null)
    {
        var config = ModelConfig.Load(folder);
        Require(config);
        using var files = WeightFiles.Open(folder);
        var weights = CudaWeights.Load(files, config);
        return new CudaExecutor(config, weights, options ?? new CudaOptions());
    }

    /// <summary>
    /// Over a loaded model's weights, with its attached adapter as it is now. The model stays their owner and has to outlive this; where
    /// q, k and v, or gate and up, don't lie together yet, they are moved together, and the model's become views.
    /// </summary>
    /// <exception cref="ModelException">It can't be served so.</exception>
    public static CudaExecutor Of(LlamaModel model, CudaOptions? options = null)
    {
        Require(model.Config);
        if (model.Dtype != bfloat16 || model.Device.type != DeviceType.CUDA)
        {
            throw new ModelException("On a GPU a model is served in bfloat16; this one is loaded as "
                + $"{model.Dtype} on {model.Device.type}.");
        }
        if (model.TrainedModules().Select(module => module.Path).FirstOrDefault() is { } trained)
        {
            throw new ModelException($"{trained} is trained whole, in float32, which these kernels don't compute with.");
        }
        if (model.HeldIn is { } format)
        {
            throw new ModelException($"The model is held in {format.Word()}, and these kernels compute with bfloat16.");
        }
        var weights = CudaWeights.Of(model);
        var attached = model.Linears.Where(linear => linear.Adapter is not null)
            .ToDictionary(linear => linear.Name, linear => linear.Adapter!);
        return new CudaExecutor(model.Config, weights, options ?? new CudaOptions(),
            attached.Count == 0 ? null : table => table.Add(attached));
    }

    private static void Require(ModelConfig config)
    {
        if (Unsupported(config) is { } why)
        {
            throw new ModelException($"The kernels for serving can't run this model: {why}.");
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">More than <see cref="MostSequences"/> or <see cref="MostTokens"/>.</exception>
    public override StepResults Run(IReadOnlyList<SequenceSlice> slices)
    {
        if (slices.Count > MostSequences || slices.Sum(slice => slice.Ids.Length) > MostTokens)
        {
            throw new ArgumentException(
                $"{slices.Count} sequences in one step; it takes {MostSequences} at most, with {MostTokens} tokens together.",
                nameof(slices));
        }
        CudaQueue.Enter();
        var plan = StepPlan.Of(_always < 0 ? slices : [.. slices.Select(slice => slice with { Adapter = _always })], MostSequences);
        Enqueue(plan);
        if (plan.HasDraws)
        {
            _queue.ToHost(_hostDrawn.Address, _forward.Drawn, plan.Layout.Results * sizeof(int));
        }
        _queue.Wait();
        return new CudaResults(_queue, plan, _hostDrawn.As<int>(), _forward.Logits, Config.VocabSize);
    }

    private void Enqueue(StepPlan plan)
    {
        var (at, inputs) = (plan.Layout, Upload(plan));
        var split = ServeKernels.Splits(plan.Decoded, _kernels.BlocksOfRow, plan.Longest);
        void Launch() => _forward.Run(inputs, at, plan.Decoded, split, plan.HasAdapters, _cache);
        var key = (at.Rows, split.Splits, plan.HasAdapters);
        if (!plan.IsDecoding || !_options.Graphs)
        {
            Launch();
        }
        else if (_graphs.TryGetValue(key, out var graph))
        {
            _queue.Run(graph);
        }
        else if (_seen.Add(key))
        {
            Launch(); // The first time all that loads lazily does so; a graph may not.
        }
        else
        {
            _graphs[key] = graph = _queue.Capture(Launch);
            _queue.Run(graph);
        }
    }

    /// <returns>Where the step's inputs lie on the device.</returns>
    private nint Upload(StepPlan plan)
    {
        plan.Write(_hostInputs.As<int>());
        var inputs = Aten.Data(_inputs);
        _queue.ToDevice(inputs, _hostInputs.Address, plan.Layout.Words * sizeof(int));
        return inputs;
    }

    public override int AddAdapter(Adapter adapter)
    {
        CudaQueue.Enter();
        using var noGrad = no_grad();
        return _adapters.Add(adapter);
    }

    public override void RemoveAdapter(int adapter)
    {
        CudaQueue.Enter();
        _adapters.Remove(adapter);
    }

    public override float[] MeanHidden(IReadOnlyList<int> ids)
    {
        RequireText(ids, _positions);
        CudaQueue.Enter();
        // Keys and values of their own: the engine's blocks are its sequences'.
        using var cache = new CudaCache(Config, (ids.Count + BlockSize - 1) / BlockSize);
        using var sums = zeros([Config.HiddenSize], float32, CUDA);
        cuda.synchronize();
        int[] all = [.. ids], blocks = [.. Enumerable.Range(0, cache.Blocks)];
        for (var start = 0; start < all.Length; start += MostTokens)
        {
            var count = Math.Min(MostTokens, all.Length - start);
            var plan = StepPlan.Of([new(all.AsMemory(start, count), start, blocks, false, _always)], MostSequences);
            _forward.Hidden(Upload(plan), plan.Layout, plan.Decoded, ServeKernels.Splits(plan.Decoded, _kernels.BlocksOfRow, plan.Longest),
                plan.HasAdapters, cache);
            _forward.AddRows(Aten.Data(sums), count);
            _queue.Wait();
        }
        using var mean = sums.div(((double)ids.Count).AsScalar()).cpu();
        return mean.data<float>().ToArray();
    }

    public override void Dispose()
    {
        CudaQueue.Enter();
        _queue.Wait();
        foreach (var graph in _graphs.Values)
        {
            CudaQueue.Free(graph);
        }
        DisposeOwned();
    }
}
