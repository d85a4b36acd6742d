using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// Products of frozen weights by kernels of our own on Hopper's tensor cores, which finish their results on the way out: cuBLAS offers
/// nothing of the kind.
/// </summary>
internal sealed unsafe partial class CudaKernels
{
    private const int TileRows = 128, TileColumns = 256, TileInner = 64, PerCluster = 2, ProductThreads = 384;

    /// <summary>Columns of 128 bytes, as which an operand lies in shared memory.</summary>
    private const int BoxColumns = 64;

    /// <summary>Three stages, the sums of a tile, and what aligning takes.</summary>
    private const int SharedBytes =
        (((3 * (TileRows + TileColumns) * TileInner) + (TileRows * TileColumns)) * sizeof(ushort)) + 1024;

    private static readonly Lazy<int> s_processors = new(CudaDevice.Processors);

    /// <summary>An operand as the tensor memory accelerator reads it.</summary>
    private struct Map
    {
        public fixed byte Bytes[TensorMap.Size];
    }

    [InlineArray(MostParts)]
    private struct Maps
    {
        private Map _first;
    }

    /// <summary>As products.cu has it, where it is filled up to a multiple of 64 bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 1024)]
    private struct ProductWork
    {
        public Map X, Weight, Other, Low;
        public Maps Up;
        public ulong Y, Activation, Added, Positions, Cosine, Sine;
        public int Count;
        public fixed int Start[MostParts];
        public fixed int Width[MostParts];
        public fixed int Ranks[MostParts];
        public fixed int At[MostParts];
        public int Tokens, Columns, Inner, RowY, Turned, Dim, Gelu;
    }

    public override (Projection GateUp, Tensor Output)? ProductGlu(Tensor x, Tensor weight, IReadOnlyList<UpMatrix> ups,
        Func<LowRank?> project, GluActivation activation)
    {
        var half = weight.size(0) / 2;
        if (!Multiplies(x, weight, weight.size(0)) || half % 8 != 0)
        {
            return null;
        }
        Tensor y = empty([x.size(0), 2 * half], x.dtype, x.device), output = empty([x.size(0), half], x.dtype, x.device);
        var work = Work(x, weight, y) with { Activation = At(output), Gelu = (int)activation };
        using (var up = weight.narrow(0, half, half))
        {
            Show(ref work.Other, up, TileColumns / PerCluster);
        }
        var low = Adapt(ref work, ups, project);
        Multiply("productGlu", work);
        return (new(y, low, []), output);
    }

    public override bool ProductGluBack(Tensor gradient, Tensor weight, Tensor gateUp, GluActivation activation)
    {
        if (!Multiplies(gradient, weight, weight.size(1)))
        {
            return false;
        }
        var work = Work(gradient, weight, gateUp, back: true) with { Gelu = (int)activation };
        Multiply("productGluBack", work);
        return true;
    }

    public override Projection? ProductTurned(Tensor x, Tensor weight, IReadOnlyList<UpMatrix> ups, Func<LowRank?> project,
        HeadLayout heads, Tensor positions, Tensor cos, Tensor sin)
    {
        // Both halves of a head are of one tile, and of one warp's sixteen bytes each.
        if (!Multiplies(x, weight, weight.size(0)) || heads.Dim is not (64 or 128 or 256))
        {
            return null;
        }
        var y = empty([x.size(0), weight.size(0)], x.dtype, x.device);
        var work = Work(x, weight, y) with
        {
            Positions = At(positions),
            Cosine = At(cos),
            Sine = At(sin),
            Turned = heads.QueryWidth + heads.KeyValueWidth,
            Dim = heads.Dim,
        };
        var low = Adapt(ref work, ups, project);
        Multiply("productTurned", work);
        return new(y, low, []);
    }

    public override Projection? ProductAdded(Tensor x, Tensor weight, IReadOnlyList<UpMatrix> ups, Func<LowRank?> project, Tensor added)
    {
        if (!Multiplies(x, weight, weight.size(0)) || !added.is_contiguous())
        {
            return null;
        }
        var y = empty([x.size(0), weight.size(0)], x.dtype, x.device);
        var work = Work(x, weight, y) with { Added = At(added) };
        var low = Adapt(ref work, ups, project);
        Multiply("productAdded", work);
        return new(y, low, []);
    }

    /// <summary>Whether these kernels are for this GPU and these operands, and the result has tiles for all of it.</summary>
    private static bool Multiplies(Tensor x, Tensor weight, long columns) =>
        CudaDevice.Capability() == CudaDevice.Hopper && TensorMap.IsThere && x.dtype == bfloat16 && weight.dtype == bfloat16
        && CanShow(x) && CanShow(weight) && columns % 8 == 0
        && Shares((int)x.size(0), TileRows) * Shares((int)columns, TileColumns) >= s_processors.Value;

    private static bool CanShow(Tensor x) => x.stride(1) == 1 && x.stride(0) % 8 == 0 && Aten.Data(x) % 16 == 0;

    /// <param name="back">x·W instead of x·Wᵀ.</param>
    private static ProductWork Work(Tensor x, Tensor weight, Tensor y, bool back = false)
    {
        ProductWork work = new()
        {
            Y = At(y),
            Tokens = (int)x.size(0),
            Columns = (int)weight.size(back ? 1 : 0),
            Inner = (int)x.size(1),
            RowY = (int)y.stride(0),
        };
        Show(ref work.X, x, TileRows);
        Show(ref work.Weight, weight, back ? TileInner : TileColumns / PerCluster);
        return work;
    }

    private static void Show(ref Map map, Tensor x, int boxRows) => TensorMap.Show(MemoryMarshal.AsBytes(new Span<Map>(ref map)),
        Aten.Data(x), x.size(0), x.size(1), x.stride(0), BoxColumns, boxRows);

    private static LowRank? Adapt(ref ProductWork work, IReadOnlyList<UpMatrix> ups, Func<LowRank?> project)
    {
        if (project() is not { } low)
        {
            return null;
        }
        work.Count = ups.Count;
        Show(ref work.Low, low.Values, TileRows);
        foreach (var (index, up) in ups.Index())
        {
            Show(ref work.Up[index], up.Matrix, TileInner);
            (work.Start[index], work.Width[index]) = ((int)up.Start, (int)up.Matrix.size(1));
            (work.Ranks[index], work.At[index]) = ((int)up.Matrix.size(0), up.Rank);
        }
        return low;
    }

    private void Multiply(string kernel, ProductWork work) =>
        _program.Launch(kernel, (Clusters(work) * PerCluster, 1), ProductThreads, [], &work, SharedBytes);

    /// <summary>
    /// As many that the fewest wait while others do the last tiles: those of 8,192 tokens are often a multiple of 64 clusters, and hardly
    /// ever of 66. Where the power limit holds the clock, those that don't wait run the faster for it.
    /// </summary>
    private static int Clusters(in ProductWork work)
    {
        var tiles = Shares(work.Tokens, TileRows * PerCluster) * Shares(work.Columns, TileColumns);
        var most = s_processors.Value / PerCluster;
        return Enumerable.Range(0, 1 + (most / 16)).Select(fewer => most - fewer)
            .MinBy(clusters => (Shares(tiles, clusters) * clusters) - tiles);
    }
}
