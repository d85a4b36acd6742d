using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Network.Quantised;

namespace LoraAspire.Model.Fit;

/// <summary>What is to be trained, as far as it decides the memory.</summary>
/// <param name="DoubleQuant">NF4's scales are quantised too.</param>
/// <param name="BytesAsked">A number's, of the type that is asked for; null is bfloat16's on a GPU, and float32's on the CPU.</param>
public sealed record FitWork(ModelConfig Config, AdapterConfig Adapter, bool DoubleQuant = true, bool OnGpu = true,
    int? BytesAsked = null)
{
    internal long BytesANumber => BytesAsked ?? (OnGpu ? 2 : 4);
}

/// <summary>
/// Bytes that LoRA training takes, from the shapes alone: nothing is loaded. What the hand-written backward keeps is
/// <see cref="FusedLayer"/>'s; docs/training.md compares it with what was measured.
/// </summary>
/// <param name="Weights">The decoder's linear layers.</param>
/// <param name="Ends">Embedding and head, which are never quantised.</param>
/// <param name="Adapters">Values, gradients and moments in float32, and the copies that are computed with.</param>
/// <param name="Buffer">Where quantised weights become numbers.</param>
/// <param name="Kept">What the backward needs of the forward.</param>
/// <param name="Passing">What one layer, or the head, takes while it is computed.</param>
/// <param name="Process">The driver's context and the libraries' own, before the first tensor.</param>
public sealed record Footprint(long Weights, long Ends, long Adapters, long Buffer, long Kept, long Passing, long Process)
{
    /// <summary>Value, gradient and two moments in float32; a bfloat16 copy for the products, and the step's sums in float32.</summary>
    private const int BytesATrainedWeight = 16 + 2 + 4;

    /// <summary>The driver's for a process with CUDA 13, cuBLAS' workspace, and kernels.</summary>
    private const long Context = 850L << 20, HostProcess = 400L << 20;

    /// <summary>Of what is kept and passes: pieces that the allocator can't use.</summary>
    private const double Lost = 1.03;

    public long Total => Weights + Ends + Adapters + Buffer + Kept + Passing + Process;

    /// <param name="tokens">Of a micro-batch.</param>
    public static Footprint Of(FitWork work, BaseFormat format, bool recompute, int tokens) =>
        Of(work, Trained(work), format, recompute, tokens);

    /// <param name="trained">Weights of the adapters, which are the same in each row of a table.</param>
    internal static Footprint Of(FitWork work, long trained, BaseFormat format, bool recompute, int tokens)
    {
        var config = work.Config;
        long number = work.BytesANumber, hidden = config.HiddenSize, inner = config.IntermediateSize;
        long query = (long)config.NumAttentionHeads * config.HeadDim, kv = (long)config.NumKeyValueHeads * config.HeadDim;
        // Of one token in one layer: sum, middle and normed input; q|k|v; attention's output; gate|up; and float32 for each row and head.
        var kept = (number * ((3 * hidden) + (2 * query) + (2 * kv) + (2 * inner))) + (4 * (2 + config.NumAttentionHeads));
        // Gemma 2: what attention and MLP gave before their norms.
        kept += config.OutputNorms ? (2 * number * hidden) + (2 * 4) : 0;
        // DoRA: what the lengths multiply.
        kept += work.Adapter is LoraConfig { UseDora: true } ? number * Targets(work).Sum(at => (long)at.Linear.Outputs)
            / config.NumHiddenLayers : 0;
        var input = number * hidden;
        var headRows = Math.Min(tokens, FusedModel.Options.For(recompute, work.OnGpu).HeadRows);
        // silu(gate)·up, its gradient, and three of the width of the residual; or logits, and the gradient at the end.
        var passing = (tokens * number * ((2 * inner) + (3 * hidden))) + CappedAttention.Bytes(config, tokens);
        var logits = headRows * number * config.VocabSize;
        var head = (config.LogitCap is null ? logits : 2 * logits) + (2 * tokens * input);
        return new Footprint(
            (long)(config.NumHiddenLayers * LayerLinears.Of(config).All.Sum(linear =>
                (long)linear.Outputs * linear.Inputs * BytesAWeight(format, work, linear.Inputs))),
            number * hidden * config.VocabSize * (config.TieWordEmbeddings ? 1 : 2),
            BytesATrainedWeight * trained,
            format is BaseFormat.Int8 or BaseFormat.Nf4
                ? number * new[] { hidden * (query + (2 * kv)), hidden * query, 2 * hidden * inner }.Max() : 0,
            (long)(Lost * tokens * (recompute ? (config.NumHiddenLayers * input) + kept : config.NumHiddenLayers * kept)),
            (long)(Lost * Math.Max(passing + (work.OnGpu ? 0 : logits), head)), // the CPU keeps their memory
            work.OnGpu ? Context : HostProcess);
    }

    /// <summary>Weights of the adapters, and of modules that are trained whole.</summary>
    public static long Trained(FitWork work) =>
        Targets(work).Sum(at => work.Adapter.RankOf(at.Linear.In(at.Layer)) * ((long)at.Linear.Outputs + at.Linear.Inputs))
        + ((long)work.Adapter.ModulesToSave.Count * work.Config.VocabSize * work.Config.HiddenSize);

    private static IEnumerable<(int Layer, LinearShape Linear)> Targets(FitWork work) =>
        from layer in Enumerable.Range(0, work.Config.NumHiddenLayers)
        from linear in LayerLinears.Of(work.Config).All
        where work.Adapter.Targets(linear.In(layer))
        select (layer, linear);

    private static double BytesAWeight(BaseFormat format, FitWork work, long columns) => format switch
    {
        BaseFormat.Fp8 => 2, // a copy for the forward, and one transposed for the backward
        BaseFormat.Int8 => 1 + (4.0 / columns),
        BaseFormat.Nf4 when work.DoubleQuant => 0.5 + (1.0 / Nf4Table.Block) + (4.0 / Nf4Table.Block / DynamicMap.Block),
        BaseFormat.Nf4 => 0.5 + (4.0 / Nf4Table.Block),
        _ => work.BytesANumber,
    };
}
