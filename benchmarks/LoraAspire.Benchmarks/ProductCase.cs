using LoraAspire.Model.Network.Fused;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks;

/// <summary>
/// Products of frozen weights with what else is done to their results. As reference it is done by one operator after another. Tokens
/// never fill the tiles of the kernels, and some widths don't.
/// </summary>
internal static class ProductCase
{
    private const int Inner = 4072, Columns = 4136, Intermediate = 11008, KeyValueHeads = 8;

    private static readonly int[] s_ranks = [0, 8, 64];

    /// <param name="positions">[T]</param>
    public static IEnumerable<KernelCase> All(HeadLayout heads, Tensor positions, Tensor cos, Tensor sin)
    {
        var tokens = positions.size(0);
        Tensor Random(long rows, long columns, double scale = 1) => randn([rows, columns], bfloat16, CUDA).mul_(scale);
        var hidden = heads.QueryWidth;
        Tensor x = Random(tokens, hidden), added = Random(tokens, Columns), gateUp = Random(tokens, 2 * Intermediate);
        Tensor narrow = x.narrow(1, 0, Inner), odd = Random(Columns, Inner, 0.02);
        Tensor square = Random(hidden, hidden, 0.02);
        Tensor gate = Random(2 * Intermediate, hidden, 0.02), down = Random(hidden, Intermediate, 0.02);
        Tensor low = Random(tokens, 128), matrix = Random(128, Intermediate, 0.02), wide = Random(3 * hidden, hidden, 0.02);
        HeadLayout grouped = new(heads.Query, KeyValueHeads, heads.Dim, null);
        foreach (var activation in Enum.GetValues<GluActivation>())
        {
            foreach (var rank in s_ranks)
            {
                yield return new($"product, rank {rank}, {activation}", k =>
                {
                    var ups = Ups(rank, (0, Intermediate), (Intermediate, Intermediate));
                    if (k.ProductGlu(x, gate, ups, Low, activation) is { } whole)
                    {
                        return [whole.GateUp.Y, whole.Output];
                    }
                    Projection y = new(x.mm(gate.t()), Low(), ups);
                    k.Expand(y);
                    return [y.Y, k.Glu(y.Y, activation, Form.Plain).Wide!];
                });
            }
            yield return new($"product back, {activation} back", k =>
            {
                var copy = gateUp.clone();
                return [k.ProductGluBack(x, down, copy, activation) ? copy
                    : k.GluBackward(x.mm(down), copy, activation, Form.Plain).Wide!];
            });
        }
        foreach (var (rank, parts) in new[] { (Rank: 0, Parts: Array.Empty<int>()), (8, [0, 1, 2]), (24, [0, 2]), (40, [1]) })
        {
            foreach (var layout in new[] { heads, grouped })
            {
                yield return new($"product, rank {rank} on {parts.Length} parts, turned, {layout.KeyValue} heads", k =>
                {
                    (long Start, long Width)[] places = [(0, layout.QueryWidth), (layout.QueryWidth, layout.KeyValueWidth),
                        (layout.QueryWidth + layout.KeyValueWidth, layout.KeyValueWidth)];
                    using var weight = wide.narrow(0, 0, layout.QueryWidth + (2 * layout.KeyValueWidth));
                    var ups = Ups(rank, [.. parts.Select(part => places[part])]);
                    var y = k.ProductTurned(x, weight, ups, Low, layout, positions, cos, sin);
                    if (y is null)
                    {
                        y = new(x.mm(weight.t()), Low(), ups);
                        k.ExpandAndTurn(y, layout, positions, cos, sin);
                    }
                    return [y.Y];
                });
            }
        }
        foreach (var rank in s_ranks)
        {
            yield return new($"product, rank {rank}, added", k => Added(k, x, square, rank));
            yield return new($"product of uneven widths, rank {rank}, added", k => Added(k, narrow, odd, rank));
        }

        Tensor[] Added(Kernels k, Tensor left, Tensor weight, int rank)
        {
            var summand = added.narrow(1, 0, weight.size(0)).contiguous();
            var ups = Ups(rank, (0, weight.size(0)));
            if (k.ProductAdded(left, weight, ups, Low, summand) is { } whole)
            {
                return [whole.Y];
            }
            Projection y = new(left.mm(weight.t()), Low(), ups);
            k.Expand(y);
            return [y.Y.add(summand)];
        }

        LowRank Low() => new(low, null);

        UpMatrix[] Ups(int rank, params (long Start, long Width)[] places) => rank == 0 ? [] : [.. places.Select((place, index) =>
            new UpMatrix(place.Start, index * rank, matrix.narrow(0, index * rank, rank).narrow(1, 0, place.Width).contiguous(), low))];
    }
}
