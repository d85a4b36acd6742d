using LoraAspire.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>One row to train on: ids, and labels (−100 where there is no loss) as many.</summary>
/// <param name="Weight">What each target of this row counts in the loss.</param>
/// <param name="First">Number of its first token in the optimiser step: dropout is drawn by it.</param>
public sealed record TrainingRow(int[] InputIds, int[] Labels, double Weight, int First = 0);

/// <summary>
/// The rows of one micro-batch laid end to end on the device, T tokens in all; attention never crosses from one to the next.
/// Where a kernel wants rows of one length (the CPU's), each is padded on the right to the longest, and no target stands on padding.
/// </summary>
/// <param name="Ids">[T] int64</param>
/// <param name="Positions">[T] int32, 0.. in each row</param>
/// <param name="Numbers">[T] int32: each token's number in the optimiser step</param>
/// <param name="Starts">[rows + 1] int32: where each row begins, and T</param>
/// <param name="Rows">How many there are.</param>
/// <param name="MaxLength">Tokens of the longest row.</param>
public sealed record PackedRows(Tensor Ids, Tensor Positions, Tensor Numbers, Tensor Starts, int Rows, int MaxLength,
    PackedTargets Targets) : TensorGroup
{
    /// <summary>[T] float32: see <see cref="EmbeddingNoise.StrengthsOf"/>; null where embeddings get no noise.</summary>
    public Tensor? NoiseStrengths { get; init; }

    protected override IEnumerable<IDisposable?> Parts => [Ids, Positions, Numbers, Starts, Targets, NoiseStrengths];

    /// <param name="padded">Rows of one length.</param>
    public static PackedRows From(IReadOnlyList<TrainingRow> rows, torch.Device device, bool padded)
    {
        var longest = rows.Max(row => row.InputIds.Length);
        var ids = new List<long>();
        var positions = new List<int>();
        var numbers = new List<int>();
        var starts = new List<int> { 0 };
        var (targetRows, targets, weights) = (new List<long>(), new List<long>(), new List<float>());
        foreach (var row in rows)
        {
            var length = row.InputIds.Length;
            for (var i = 0; i + 1 < length; i++)
            {
                if (row.Labels[i + 1] >= 0)
                {
                    targetRows.Add(ids.Count + i);
                    targets.Add(row.Labels[i + 1]);
                    weights.Add((float)row.Weight);
                }
            }
            var space = padded ? longest : length;
            for (var i = 0; i < space; i++)
            {
                ids.Add(i < length ? row.InputIds[i] : 0);
                positions.Add(i);
                numbers.Add(row.First + i);
            }
            starts.Add(ids.Count);
        }
        Tensor Move(Tensor host)
        {
            using (host)
            {
                // A copy from other than pinned memory waits for all that the GPU was given before.
                using var pinned = device.type == DeviceType.CUDA ? host.pin_memory() : host.alias();
                return pinned.to(device, copy: true, non_blocking: true).DetachFromDisposeScope();
            }
        }
        return new PackedRows(Move(tensor(ids.ToArray())), Move(tensor(positions.ToArray())), Move(tensor(numbers.ToArray())),
            Move(tensor(starts.ToArray())), rows.Count, longest,
            new PackedTargets(Move(tensor(targetRows.ToArray())), Move(tensor(targets.ToArray())), Move(tensor(weights.ToArray()))));
    }
}

/// <summary>What the loss is taken of, N targets.</summary>
/// <param name="At">[N] int64: the tokens whose successor carries loss</param>
/// <param name="Ids">[N] int64: those successors</param>
/// <param name="Weights">[N] float32</param>
public sealed record PackedTargets(Tensor At, Tensor Ids, Tensor Weights) : TensorGroup
{
    protected override IEnumerable<IDisposable?> Parts => [At, Ids, Weights];
}
