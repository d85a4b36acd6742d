using LoraAspire.Model.Generation.Batching;

namespace LoraAspire.Model.Generation.Cuda;

/// <summary>
/// Where a step's inputs lie in one buffer of 4-byte words, on the host and on the device alike, so that one copy brings them over.
/// </summary>
/// <param name="Rows">Tokens, all slices together.</param>
/// <param name="Results">Rows whose logits are wanted.</param>
/// <param name="Tiles">Pieces of at most 64 queries of one sequence.</param>
/// <param name="Sequences">Block tables.</param>
/// <param name="Stride">Words of one block table.</param>
internal readonly record struct StepLayout(int Rows, int Results, int Tiles, int Sequences, int Stride)
{
    private const int Header = 4; // the stride, and nothing yet
    public const int DrawFields = 5;

    public int Ids => Header;
    public int Positions => Ids + Rows;
    /// <summary>Each row's sequence.</summary>
    public int Owners => Positions + Rows;
    public int Adapters => Owners + Rows;
    /// <summary>Rows that the results belong to.</summary>
    public int Wanted => Adapters + Rows;
    /// <summary>Temperature, top-p, min-p, uniform, top-k of each result.</summary>
    public int Draws => Wanted + Results;
    /// <summary>First row, count, first position, sequence; aligned to 16 bytes.</summary>
    public int Work => (Draws + (DrawFields * Results) + 3) / 4 * 4;
    public int Tables => Work + (4 * Tiles);
    public int Words => Tables + (Sequences * Stride);
}

/// <summary>What one step computes: its slices in the order of their rows, those of one token first, and the inputs for the device.</summary>
internal sealed class StepPlan
{
    /// <summary>Queries that one block of the prompt's attention takes.</summary>
    public const int TileRows = 64;

    // Batches that the decoding graphs are made for; a smaller one is filled up with rows that stand for nothing.
    private static readonly int[] s_buckets = [1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];

    private readonly SequenceSlice[] _slices;
    private readonly int[] _order;

    private StepPlan(SequenceSlice[] slices, int[] order, int decoded, StepLayout layout, int[] results)
    {
        (_slices, _order, Decoded, Layout, Results) = (slices, order, decoded, layout, results);
    }

    public StepLayout Layout { get; }

    /// <summary>Rows, from the first on, that are a sequence's only one in this step.</summary>
    public int Decoded { get; }

    /// <summary>Every sequence has one token: a graph does it.</summary>
    public bool IsDecoding => Layout.Tiles == 0;

    /// <summary>Of each slice the place among the results, or -1.</summary>
    public IReadOnlyList<int> Results { get; }

    /// <summary>Positions of the longest sequence among the decoded ones.</summary>
    public int Longest { get; private init; }

    public bool HasAdapters { get; private init; }

    public bool HasDraws { get; private init; }

    /// <summary>The smallest batch that a graph is made for and that has room for this many sequences.</summary>
    public static int Bucket(int sequences, int most) => Math.Min(s_buckets.FirstOrDefault(bucket => bucket >= sequences, most), most);

    /// <param name="most">Sequences of a step at most.</param>
    public static StepPlan Of(IReadOnlyList<SequenceSlice> given, int most)
    {
        SequenceSlice[] slices = [.. given];
        int[] order = [.. Enumerable.Range(0, slices.Length).OrderBy(i => slices[i].Ids.Length == 1 ? 0 : 1)];
        var decoded = slices.Count(slice => slice.Ids.Length == 1);
        var decoding = decoded == slices.Length;
        var rows = decoding ? Bucket(decoded, most) : slices.Sum(slice => slice.Ids.Length);
        var results = new int[slices.Length];
        var wanted = 0;
        foreach (var i in order)
        {
            // A graph gives every row its result, whether it is wanted or not.
            results[i] = decoding || slices[i].WantsLogits ? wanted++ : -1;
        }
        var stride = slices.Max(slice => slice.Blocks.Length);
        StepLayout layout = new(rows, decoding ? rows : wanted,
            slices.Sum(slice => slice.Ids.Length == 1 ? 0 : (slice.Ids.Length + TileRows - 1) / TileRows), slices.Length,
            decoding ? (stride + 15) / 16 * 16 : stride);
        return new StepPlan(slices, order, decoding ? rows : decoded, layout, results)
        {
            Longest = slices.Where(slice => slice.Ids.Length == 1).Select(slice => slice.Start + 1).DefaultIfEmpty(0).Max(),
            HasAdapters = slices.Any(slice => slice.Adapter >= 0),
            HasDraws = slices.Any(slice => slice is { WantsLogits: true, Draw: not null }),
        };
    }

    /// <param name="to">At least <see cref="StepLayout.Words"/> of them.</param>
    public void Write(Span<int> to)
    {
        var at = Layout;
        to[0] = at.Stride;
        // What no sequence fills says so: no token, no position, no adapter, no draw.
        to[at.Ids..at.Work].Fill(-1);
        to.Slice(at.Draws, at.Results * StepLayout.DrawFields).Fill(BitConverter.SingleToInt32Bits(-1));
        int row = 0, tile = at.Work;
        foreach (var (sequence, index) in _order.Index())
        {
            var slice = _slices[index];
            slice.Ids.Span.CopyTo(to[(at.Ids + row)..]);
            slice.Blocks.Span.CopyTo(to.Slice(at.Tables + (sequence * at.Stride), at.Stride));
            for (var i = 0; i < slice.Ids.Length; i++)
            {
                to[at.Positions + row + i] = slice.Start + i;
                to[at.Owners + row + i] = sequence;
                to[at.Adapters + row + i] = slice.Adapter;
            }
            for (var first = 0; slice.Ids.Length > 1 && first < slice.Ids.Length; first += TileRows, tile += 4)
            {
                (to[tile], to[tile + 1]) = (row + first, Math.Min(TileRows, slice.Ids.Length - first));
                (to[tile + 2], to[tile + 3]) = (slice.Start + first, sequence);
            }
            row += slice.Ids.Length;
            if (Results[index] is >= 0 and var result)
            {
                to[at.Wanted + result] = row - 1;
                if (slice is { WantsLogits: true, Draw: { } draw })
                {
                    Write(to[at.Draws..], result, at.Results, draw);
                }
            }
        }
    }

    private static void Write(Span<int> draws, int result, int results, TokenDraw draw)
    {
        draws[result] = BitConverter.SingleToInt32Bits((float)draw.Temperature);
        draws[results + result] = BitConverter.SingleToInt32Bits((float)draw.TopP);
        draws[(2 * results) + result] = BitConverter.SingleToInt32Bits((float)draw.MinP);
        draws[(3 * results) + result] = BitConverter.SingleToInt32Bits((float)draw.Uniform);
        draws[(4 * results) + result] = draw.TopK;
    }

    /// <summary>The device draws the token of this slice.</summary>
    public bool Draws(int slice) => _slices[slice] is { WantsLogits: true, Draw: not null };
}
