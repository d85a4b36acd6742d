using LoraAspire.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>One row to train on: ids, and labels (−100 where there is no loss) as many.</summary>
/// <param name="Weight">What each target of this row counts in the loss.</param>
/// <param name="First">Number of its first token in the optimiser step: dropout is drawn by it.</param>
public sealed record TrainingRow(int[] InputIds, int[] Labels, double Weight, int First = 0)
{
    /// <summary>What it begins with like others of its step; empty where it stands alone.</summary>
    public SharedPrefix Shared { get; init; }

    /// <summary>Tokens that are this row's alone.</summary>
    public int OwnTokens => InputIds.Length - Shared.Length;
}

/// <summary>
/// The first tokens of several rows, the same in all of them: causal attention makes the same of them in each, so they go through the model
/// once. None of them carries loss, nor does the last one's successor.
/// </summary>
/// <param name="First">Number of its first token in the optimiser step, the same for all rows that share it.</param>
public readonly record struct SharedPrefix(int Length, int First);

/// <summary>
/// The rows of one micro-batch laid end to end on the device, T tokens in all, without padding; attention never crosses from one to the
/// next. A prefix that several of them share stands once, before the first of them.
/// </summary>
/// <param name="Ids">[T] int64</param>
/// <param name="Positions">[T] int32, 0.. in each row, from where its table of the rotary embedding begins</param>
/// <param name="Numbers">[T] int32: each token's number in the optimiser step</param>
/// <param name="MaxLength">Tokens of the longest row, its prefix among them.</param>
public sealed record PackedRows(Tensor Ids, Tensor Positions, Tensor Numbers, int MaxLength, PackedTargets Targets) : TensorGroup
{
    /// <summary>How attention reads them.</summary>
    public required AttentionRows Attention { get; init; }

    /// <summary>[T] float32: see <see cref="EmbeddingNoise.StrengthsOf"/>; null where embeddings get no noise.</summary>
    public Tensor? NoiseStrengths { get; init; }

    /// <summary>What the positions are places in.</summary>
    internal RotaryLengths Turns { get; private init; } = new(MaxLength, []);

    protected override IEnumerable<IDisposable?> Parts => [Ids, Positions, Numbers, Targets, Attention, NoiseStrengths];

    /// <param name="evenRows">Attention wants rows of one length (<see cref="Kernels.EvenRows"/>).</param>
    /// <param name="context">Of longer rows each length has frequencies of its own: they share nothing.</param>
    internal static PackedRows From(IReadOnlyList<TrainingRow> rows, torch.Device device, bool evenRows, int context = int.MaxValue)
    {
        var turns = RotaryLengths.Of(rows, context);
        var (ids, positions, numbers) = (new List<long>(), new List<int>(), new List<int>());
        var (targetRows, targets, weights) = (new List<long>(), new List<long>(), new List<float>());
        var stretches = new List<Stretch>();
        void Add(TrainingRow row, Range tokens)
        {
            var (start, end, turn) = (tokens.Start.Value, tokens.End.Value, turns.StartOf(row.InputIds.Length));
            for (var i = start; i < end; i++)
            {
                ids.Add(row.InputIds[i]);
                positions.Add(turn + i);
                numbers.Add(i < row.Shared.Length ? row.Shared.First + i : row.First + i);
            }
        }
        foreach (var group in rows.Index().GroupBy(row => row.Item.Shared.Length > 0 ? (row.Item.Shared, -1) : (default, row.Index))
            .Select(group => group.Select(row => row.Item).ToList()))
        {
            var prefix = new Stretch(ids.Count, group.Count > 1 ? group[0].Shared.Length : 0);
            if (prefix.Length > 0)
            {
                Add(group[0], ..prefix.Length);
                stretches.Add(prefix);
            }
            foreach (var row in group)
            {
                if (prefix.Length > 0 && row.InputIds.Length > context)
                {
                    throw new ArgumentException($"A row of {row.InputIds.Length} tokens has frequencies of its own: it shares nothing.");
                }
                var length = row.InputIds.Length;
                var own = new Stretch(ids.Count, length - prefix.Length) { Prefix = prefix.Length > 0 ? stretches.IndexOf(prefix) : null };
                for (var i = 0; i + 1 < length; i++)
                {
                    if (row.Labels[i + 1] >= 0)
                    {
                        targetRows.Add(i >= prefix.Length ? own.Start + i - prefix.Length
                            : throw new ArgumentException($"Token {i} is shared, and its successor carries loss."));
                        targets.Add(row.Labels[i + 1]);
                        weights.Add((float)row.Weight);
                    }
                }
                Add(row, prefix.Length..length);
                stretches.Add(own);
            }
        }
        return new PackedRows(tensor(ids.ToArray()).Sent(device), tensor(positions.ToArray()).Sent(device),
            tensor(numbers.ToArray()).Sent(device), rows.Max(row => row.InputIds.Length),
            new PackedTargets(tensor(targetRows.ToArray()).Sent(device), tensor(targets.ToArray()).Sent(device),
                tensor(weights.ToArray()).Sent(device)))
        {
            Turns = turns,
            Attention = evenRows ? AttentionRows.Even(stretches, device) : AttentionRows.EndToEnd(stretches, device),
        };
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
