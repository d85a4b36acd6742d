using System.Runtime.ExceptionServices;
using LoraAspire.Model;
using LoraAspire.Model.Data;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Network.Quantised;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// The loss of a micro-batch and its gradients, the faster way where the model has one (<see cref="FusedModel"/>), by autograd otherwise.
/// Adapters must be where they stay: create it after the parameter set.
/// </summary>
public sealed class Objective : IDisposable
{
    // Above these a GPU's matrix products gain little; measured with Llama-2-7B, where 8,192 packed tokens keep 24 GB of activations.
    private const int PackedTokens = 8192;
    // The products take half the time then, so that less is lost by smaller ones; what is kept for the backward isn't halved.
    private const int Fp8Tokens = 6144;
    private const int LowMemoryTokens = 2048;
    private const int PaddedTokens = 2048;

    private readonly LlamaModel _model;
    private readonly FusedModel? _fused;

    /// <param name="wholeType">See <see cref="FusedModel.Create"/>.</param>
    public Objective(LlamaModel model, bool lowMemory = false, bool autograd = false, ScalarType? wholeType = null)
    {
        _model = model;
        var onCpu = model.Device.type == DeviceType.CPU;
        var options = FusedModel.Options.For(lowMemory, onGpu: !onCpu);
        var why = "as asked";
        _fused = autograd ? null : FusedModel.Create(model, options, out why, wholeType);
        if (_fused is null && !autograd && model.HeldIn is { } held)
        {
            throw new ModelException($"The base is held in {held.Word()}, which only the hand-written backward "
                + $"trains on, and that is none for this run: {why}. Give an unquantised base, with base_type: bf16.");
        }
        if (_fused is null && model.Shards is not null)
        {
            throw NoShards(why!);
        }
        if (_fused is null && !autograd && (wholeType ?? model.Dtype) == float16)
        {
            throw NoFloat16(why!);
        }
        Scale = Dtype == float16 ? new LossScale(model.Device) : null;
        Path = _fused is null ? $"autograd ({why})" : (lowMemory ? "hand-written backward, layers recomputed" : "hand-written backward")
            + (_fused.WhyPlain is { } plain ? $", by libtorch's operators instead of kernels ({plain})" : "")
            + (model.Shards is { } shards ? $", base shared among {shards.Devices} devices" : "");
        Packed = _fused is { Packs: true };
        DefaultTokens = lowMemory ? LowMemoryTokens : !Packed ? PaddedTokens : model.HeldIn is BaseFormat.Fp8 ? Fp8Tokens : PackedTokens;
    }

    /// <param name="why">This training goes on autograd.</param>
    internal static ModelException NoFloat16(string why) =>
        new($"compute_type is float16, which needs the hand-written backward, and this training goes on autograd: {why}. Leave it out, or "
            + "set bfloat16 or float32.");

    /// <param name="why">This training goes on autograd.</param>
    internal static ModelException NoShards(string why) =>
        new($"shard_base needs the hand-written backward, and this training goes on autograd: {why}. Set shard_base: false.");

    /// <summary>Which way it goes, for the log.</summary>
    public string Path { get; }

    /// <summary>What is computed in.</summary>
    public ScalarType Dtype => _fused?.Dtype ?? _model.Dtype;

    /// <summary>Of the gradients, in float16; null elsewhere.</summary>
    public LossScale? Scale { get; }

    /// <summary>Rows of a micro-batch are laid end to end, not padded.</summary>
    public bool Packed { get; }

    /// <summary>A row draws the same dropout whichever rows share its micro-batch.</summary>
    public bool DrawsByRow => _fused is not null;

    /// <summary>
    /// A step's rows, and what they share where that is computed once; looked for in the whole step, so that what is drawn for it depends
    /// on no micro-batch and no device. NEFTune's noise is stronger in a shorter row, so that nothing is the same in two.
    /// </summary>
    public IReadOnlyList<TrainingRow> Marked(IReadOnlyList<TrainingRow> rows) =>
        _fused is null || _model.NeftuneNoiseAlpha > 0 ? rows
            : SharedPrefixes.Mark(rows, FusedModel.MostShared(_model.Config));

    /// <summary>Tokens of a micro-batch when nobody chose.</summary>
    public int DefaultTokens { get; }

    /// <summary>
    /// The same where devices share a step. Half of Alpaca's, 128 rows on two GPUs, is about as much as the budget of one: a little less
    /// would be two micro-batches, of which a GPU makes 2 % less.
    /// </summary>
    public int DefaultTokensOn(int devices) => Packed && devices > 1 ? DefaultTokens + (DefaultTokens / 4) : DefaultTokens;

    /// <summary>Takes the parameters as they are now: the fused path computes with copies.</summary>
    public void BeginStep() => _fused?.BeginStep();

    public void EndStep() => _fused?.EndStep();

    /// <summary>Σ weight · −log p over the micro-batch's targets, a scalar float32 on the device; gradients are added, times
    /// <see cref="Scale"/>.</summary>
    /// <param name="seed">Of the optimiser step.</param>
    public Tensor Backward(MicroBatch batch, long seed)
    {
        if (_fused is not null)
        {
            using var walk = _fused.Walk(back: true);
            using var packed = _fused.Pack(batch.Rows);
            return _fused.Backward(packed, seed, walk, Scale?.Value).DetachFromDisposeScope();
        }
        using var scope = NewDisposeScope();
        RandomNumbers.Seed(_model.Device, seed + batch.Index);
        var loss = Autograd(batch, seed);
        loss.backward();
        return loss.detach().DetachFromDisposeScope();
    }

    /// <summary>The same loss without dropout and without gradients.</summary>
    public double Loss(MicroBatch batch)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (_fused is not null)
        {
            using var walk = _fused.Walk(back: false);
            using var packed = _fused.Pack(batch.Rows);
            return _fused.Loss(packed, walk).ReadSingle();
        }
        return Autograd(batch, seed: null).ReadSingle();
    }

    /// <summary>
    /// Computes a device's micro-batches, and takes part in the passes of the others where it has fewer: with a sharded base they need its
    /// share. When memory runs out only that goes on.
    /// </summary>
    /// <param name="back">With the backward.</param>
    public void Each(DeviceBatches batches, bool back, Action<MicroBatch> compute, CancellationToken cancellationToken)
    {
        ExceptionDispatchInfo? failed = null;
        for (var pass = 0; pass < batches.Passes; pass++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (pass >= batches.Own.Count || failed is not null)
            {
                _fused?.Walk(back).Dispose();
                continue;
            }
            try
            {
                compute(batches.Own[pass]);
            }
            catch (Exception error) when (OutOfMemory.Is(error))
            {
                failed = ExceptionDispatchInfo.Capture(error);
            }
        }
        failed?.Throw();
    }

    /// <param name="seed">Null where it isn't training.</param>
    private Tensor Autograd(MicroBatch batch, long? seed)
    {
        var padded = Collator.Pad([.. batch.Rows.Select(row => (row.InputIds, row.Labels))], batch.Side, batch.MultipleOf);
        // Causal attention never looks at padding that stands behind.
        var mask = batch.Side == PaddingSide.Right ? null : tensor(padded.AttentionMask).to(_model.Device);
        var weights = tensor(batch.Rows.Select(row => (float)row.Weight).ToArray()).to(_model.Device);
        var noise = seed is { } drawn && _model.NeftuneNoiseAlpha > 0 ? Noise(batch, padded.InputIds.GetLength(1), drawn) : null;
        return _model.SummedLoss(tensor(padded.InputIds).to(_model.Device), tensor(padded.Labels).to(_model.Device), mask,
            training: seed is not null, weights, noise);
    }

    /// <param name="length">Of the padded rows.</param>
    private EmbeddingNoise Noise(MicroBatch batch, int length, long seed)
    {
        var numbers = batch.Rows.SelectMany(row => Enumerable.Range(
            row.First - (batch.Side == PaddingSide.Left ? length - row.InputIds.Length : 0), length)).ToArray();
        return new(tensor(numbers).to(_model.Device),
            EmbeddingNoise.StrengthsOf(batch.Rows.SelectMany(row => Enumerable.Repeat(row.InputIds.Length, length)),
                _model.NeftuneNoiseAlpha, _model.Config.HiddenSize, _model.Device), seed);
    }

    public void Dispose()
    {
        _fused?.Dispose();
        Scale?.Dispose();
    }
}
