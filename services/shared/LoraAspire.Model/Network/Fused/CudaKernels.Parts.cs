using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// What the adapters add to the outputs of neighbouring layers, and read of their gradients: one kernel for all of them, which on its way
/// turns the heads of q and k.
/// </summary>
internal sealed unsafe partial class CudaKernels
{
    private const int MostParts = 3, PartWarps = 8, LaneColumns = 32;

    /// <summary>As heads of 64 columns is taken what is no heads.</summary>
    private const int PlainSpan = 32;

    /// <summary>A layer's columns, as kernels.cu has it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Part
    {
        public ulong X, Result, Up, Low, Sums, LowGradient;
        public long RowX, RowResult;
        public int Width, Tiles, Turned, FirstBlock;
    }

    [InlineArray(MostParts)]
    private struct Parts
    {
        private Part _first;
    }

    /// <summary>Of the rotary embedding: half of a head's columns, and what it is turned by.</summary>
    private readonly record struct Turning(int Span, Tensor? Positions, Tensor? Cos, Tensor? Sin)
    {
        public static Turning None => new(PlainSpan, null, null, null);
    }

    private static bool IsSmall(UpMatrix up) => up.Matrix.size(0) <= MostInTiles;

    public override bool ExpandsFirst(UpMatrix up) => !IsSmall(up);

    public override void Expand(Tensor y, Tensor low, Tensor matrix)
    {
        if (matrix.size(0) > MostInTiles)
        {
            y.addmm_(low, matrix);
            return;
        }
        ulong at = At(y), row = (ulong)y.stride(0);
        Walk("expand", [new Part { X = at, Result = at, Up = At(matrix), Low = At(low), RowX = (long)row, RowResult = (long)row,
            Width = (int)matrix.size(1), Tiles = (int)matrix.size(0) / Tile.Width }], Turning.None, low, null, y.size(0));
    }

    public override void Expand(Projection y)
    {
        if (y.Pending.Count is 0 or > MostParts || !y.Pending.All(IsSmall))
        {
            base.Expand(y);
            return;
        }
        var low = y.Low!.Values;
        Walk("expand", [.. y.Pending.Select(up => InPlace(y.Y, up.Start, up.Matrix.size(1), up, low))], Turning.None, low, null,
            y.Y.size(0));
    }

    public override void ExpandAndTurn(Projection qkv, HeadLayout heads, Tensor positions, Tensor cos, Tensor sin)
    {
        if (qkv.Pending.Count == 0 || !qkv.Pending.All(IsSmall))
        {
            base.ExpandAndTurn(qkv, heads, positions, cos, sin);
            return;
        }
        var low = qkv.Low!.Values;
        Walk("expand", [.. Heads(heads).Select(part => InPlace(qkv.Y, part.Start, part.Width, At(qkv.Pending, part.Start), low) with
        {
            Turned = part.Turned ? 1 : 0,
        })], new(heads.Dim / 2, positions, cos, sin), low, null, qkv.Y.size(0));
    }

    public override Tensor Reduce(Tensor gradient, Tensor low, IReadOnlyList<UpMatrix> ups, ReadOnlySpan<Tile> tiles)
    {
        if (ups.Count > MostParts || !ups.All(IsSmall))
        {
            return base.Reduce(gradient, low, ups, tiles);
        }
        using var scope = NewDisposeScope();
        var sums = zeros([gradient.size(0), low.size(1)], float32, gradient.device);
        Walk("reduce", [.. ups.Select(up => Read(InPlace(gradient, up.Start, up.Matrix.size(1), up, low) with { Result = 0 }, up, sums))],
            Turning.None, low, sums, gradient.size(0));
        return Scaled(sums, low, tiles).MoveToOuterDisposeScope();
    }

    public override (Operand Gradient, Tensor? Low) TurnBackAndReduce(Tensor dq, Tensor dk, Tensor dv, HeadLayout heads, Tensor positions,
        Tensor cos, Tensor sin, Form form, Tensor? low, IReadOnlyList<UpMatrix> ups, ReadOnlySpan<Tile> tiles)
    {
        if (low is null || form.Eight || !ups.All(IsSmall))
        {
            return base.TurnBackAndReduce(dq, dk, dv, heads, positions, cos, sin, form, low, ups, tiles);
        }
        using var scope = NewDisposeScope();
        var tokens = dq.size(0);
        var result = empty([tokens, heads.QueryWidth + (2 * heads.KeyValueWidth)], dq.dtype, dq.device);
        var sums = zeros([tokens, low.size(1)], float32, dq.device);
        Tensor[] sources = [dq, dk, dv];
        Walk("reduce", [.. Heads(heads).Select((part, index) =>
        {
            var up = At(ups, part.Start);
            var own = InPlace(result, part.Start, part.Width, up, low) with
            {
                X = At(sources[index]),
                RowX = part.Width,
                Turned = part.Turned ? 1 : 0,
            };
            return up is null ? own : Read(own, up, sums);
        })], new(heads.Dim / 2, positions, cos, sin), low, sums, tokens);
        return (new Operand(result.MoveToOuterDisposeScope(), null), Scaled(sums, low, tiles).MoveToOuterDisposeScope());
    }

    private static (long Start, long Width, bool Turned)[] Heads(HeadLayout heads) =>
        [(0, heads.QueryWidth, true), (heads.QueryWidth, heads.KeyValueWidth, true),
            (heads.QueryWidth + heads.KeyValueWidth, heads.KeyValueWidth, false)];

    private static UpMatrix? At(IReadOnlyList<UpMatrix> ups, long start) => ups.FirstOrDefault(up => up.Start == start);

    /// <summary>Columns that are written where they are read, with the adapter's part where there is one.</summary>
    private static Part InPlace(Tensor y, long start, long width, UpMatrix? up, Tensor low) => new()
    {
        X = At(y, start),
        Result = At(y, start),
        Up = At(up?.Matrix),
        Low = up is null ? 0 : At(low, up.Rank),
        RowX = y.stride(0),
        RowResult = y.stride(0),
        Width = (int)width,
        Tiles = up is null ? 0 : (int)up.Matrix.size(0) / Tile.Width,
    };

    /// <summary>The same, where the gradients of the adapter and of its low-rank activation are summed too.</summary>
    private static Part Read(Part part, UpMatrix up, Tensor sums) => part with
    {
        Sums = At(up.Sums),
        LowGradient = At(sums) + (ulong)(up.Rank * sizeof(float)),
    };

    private void Walk(string kernel, Part[] parts, Turning turning, Tensor low, Tensor? lowGradient, long tokens)
    {
        var packed = new Parts();
        int blocks = 0, tiles = 1;
        for (var i = 0; i < parts.Length; i++)
        {
            packed[i] = parts[i] with { FirstBlock = blocks };
            var heads = Shares(parts[i].Width, 2 * turning.Span);
            blocks += Shares(heads * Shares(turning.Span, LaneColumns), PartWarps);
            tiles = Math.Max(tiles, parts[i].Tiles);
        }
        var share = tiles == 1 ? 128 : 64; // PartTokens of kernels.cu
        _program.Launch(kernel + tiles, (blocks, (tokens + share - 1) / share), PartWarps * LaneColumns,
            [(ulong)parts.Length, (ulong)turning.Span, At(turning.Positions), At(turning.Cos), At(turning.Sin), (ulong)low.stride(0),
                (ulong)(lowGradient?.stride(0) ?? 0), (ulong)tokens], &packed);
    }

    /// <summary>Sums in float32 as a low-rank gradient in the activations' type.</summary>
    private Tensor Scaled(Tensor sums, Tensor like, ReadOnlySpan<Tile> tiles)
    {
        var result = empty([sums.size(0), sums.size(1)], like.dtype, like.device);
        var packed = Pack(tiles);
        _program.Launch("scaleLow", (Blocks(sums.numel()), 1), 256, [At(sums), At(result), (ulong)sums.size(1), (ulong)sums.numel()],
            &packed);
        return result;
    }

    private static int Shares(int of, int size) => (of + size - 1) / size;
}
