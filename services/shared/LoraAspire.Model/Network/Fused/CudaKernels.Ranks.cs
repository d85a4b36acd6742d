using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// Adapters of larger ranks: a kernel a layer that draws dropout on its way (ranks.cu), or cuBLAS where nothing is dropped or a rank is
/// more than a kernel's registers hold.
/// </summary>
internal sealed unsafe partial class CudaKernels
{
    private const int MostRanks = 64, ProjectTokens = 64, ProjectThreads = 512, WalkTokens = 512, WalkThreads = 256;

    private static bool AreLarge(IReadOnlyList<(int Start, int Count, Tile Tile)> runs) => runs.Any(run => run.Count > MostInTiles);

    private static bool ByProducts(IReadOnlyList<(int Start, int Count, Tile Tile)> runs) => AreLarge(runs)
        && (runs.Any(run => run.Count > MostRanks) || runs.All(run => run.Tile.Dropout.Threshold == 0));

    private void ProjectRanks(Tensor x, Tensor matrix, Tensor low, IReadOnlyList<(int Start, int Count, Tile Tile)> runs, Tensor? kept)
    {
        long tokens = x.size(0), width = x.size(1);
        foreach (var (start, count, tile, bits) in WithKept(runs, kept))
        {
            var packed = Pack([tile]);
            _program.Launch("projectRanks" + KernelTiles(count), ((tokens + ProjectTokens - 1) / ProjectTokens, 1), ProjectThreads,
                [At(x), (ulong)x.stride(0), (ulong)width, At(matrix, start * width), At(low, start), (ulong)low.stride(0), (ulong)count,
                    (ulong)tokens, bits], &packed);
        }
    }

    private void AccumulateRanks(Tensor? x, Tensor low, Tensor? sums, IReadOnlyList<(int Start, int Count, Tile Tile)> runs,
        Tensor? matrix, Tensor? gradient, Tensor? kept)
    {
        foreach (var (start, count, tile, bits) in WithKept(runs, kept))
        {
            using var own = low.narrow(1, start, count);
            if (x is not null)
            {
                using var ownSums = sums!.narrow(0, start, count);
                Walk("sumRanks", x, own, ownSums, null, tile, bits);
            }
            if (gradient is not null)
            {
                using var ownMatrix = matrix!.narrow(0, start, count);
                Walk("addRanks", gradient, own, null, ownMatrix, tile, bits);
            }
        }
    }

    /// <param name="x">[T, width]: what is read, or written over.</param>
    private void Walk(string kernel, Tensor x, Tensor low, Tensor? sums, Tensor? matrix, Tile tile, ulong bits)
    {
        long tokens = x.size(0), width = x.size(1);
        var packed = Pack([tile]);
        _program.Launch(kernel + KernelTiles(low.size(1)),
            ((width + WalkThreads - 1) / WalkThreads, (tokens + WalkTokens - 1) / WalkTokens), WalkThreads,
            [At(x), (ulong)x.stride(0), (ulong)width, At(low), (ulong)low.stride(0), At(sums), At(matrix), (ulong)low.size(1),
                (ulong)tokens, WalkTokens, bits], &packed);
    }

    /// <summary>Each layer's ranks with the place of what its dropout kept; 0 where nothing is.</summary>
    private static List<(int Start, int Count, Tile Tile, ulong Kept)> WithKept(IReadOnlyList<(int Start, int Count, Tile Tile)> runs,
        Tensor? kept)
    {
        var at = At(kept);
        var layers = new List<(int Start, int Count, Tile Tile, ulong Kept)>();
        foreach (var (start, count, tile) in runs)
        {
            var drops = kept is not null && tile.Dropout.Threshold != 0;
            layers.Add((start, count, tile, drops ? at : 0));
            at += drops ? (ulong)(kept!.stride(0) * sizeof(int)) : 0;
        }
        return layers;
    }

    /// <summary>Tiles of the smallest kernel that takes as many ranks.</summary>
    private static int KernelTiles(long ranks) => ranks <= MostRanks / 2 ? MostRanks / 2 / Tile.Width : MostRanks / Tile.Width;

    private void AccumulateByProducts(Tensor? x, Tensor low, Tensor? sums, IReadOnlyList<(int Start, int Count, Tile Tile)> runs,
        Tensor? matrix, Tensor? gradient)
    {
        using var scope = NewDisposeScope();
        foreach (var (start, count, tile) in runs)
        {
            var part = low.narrow(1, start, count);
            if (x is not null)
            {
                // Of bfloat16 in float32: the sum over the micro-batch isn't rounded.
                sums!.narrow(0, start, count).add_(Aten.Call("aten::mm.dtype", 1, part.t(), Dropped(x, tile.Dropout), (long)float32)[0],
                    Scalars.One);
            }
            if (gradient is not null && tile.Dropout.Threshold == 0)
            {
                gradient.addmm_(part, matrix!.narrow(0, start, count));
            }
            else if (gradient is not null)
            {
                var packed = Pack([tile]);
                var count8 = gradient.numel() / 8;
                _program.Launch("addDropped", (Blocks(count8), 1), 256,
                    [At(gradient), At(part.mm(matrix!.narrow(0, start, count))), (ulong)gradient.size(1), (ulong)count8], &packed);
            }
        }
    }
}
