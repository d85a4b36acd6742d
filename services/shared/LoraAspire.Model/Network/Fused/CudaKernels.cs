using System.Runtime.InteropServices;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Quantised;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>Each part as one kernel of kernels.cu, in bfloat16; attention is libtorch's flash attention on packed rows.</summary>
internal sealed unsafe partial class CudaKernels(bool evenRows = false) : Kernels
{
    private const int MaxTiles = 6;

    /// <summary>Up to this rank a kernel reads x or y once for several layers; above, one reads x for each.</summary>
    private const int MostInTiles = 16;

    private const int AccumulateTokens = 128;
    private const int ColumnThreads = 128;
    private const int RowItems = 4;

    /// <summary>Numbers in float32: 128 MiB.</summary>
    private const long LargestProduct = 1 << 25;

    /// <summary>Columns of a row that one block of kernels.cu holds in its registers.</summary>
    internal const int WidestRow = 1024 * RowItems * 8;
    private const int MaxBlocks = 132 * 16;

    private static readonly string[] s_sources = ["kernels.cu", "ranks.cu"], s_hopperSources = ["products.cu", "attention.cu"];

    private static readonly Lazy<CudaProgram> s_program = new(() => new CudaProgram(string.Concat(
        s_sources.Concat(CudaDevice.Capability() == CudaDevice.Hopper ? s_hopperSources : []).Select(CudaProgram.Source)), s_sources[0]));

    private readonly CudaProgram _program = s_program.Value;

    [StructLayout(LayoutKind.Sequential)]
    private struct Tiles
    {
        public fixed uint Drop[3 * MaxTiles];
        public fixed float Scale[MaxTiles];
        public nint Numbers;
    }

    /// <summary>Why these kernels can't run a model on this GPU; null when they can.</summary>
    /// <param name="capability">See <see cref="CudaDevice.Capability"/>.</param>
    internal static string? Unsupported(ModelConfig config, ScalarType dtype, int capability) =>
        capability < CudaDevice.Bfloat16
            ? $"this GPU has compute capability {capability / 10}.{capability % 10}, and they need 8.0"
            : dtype != bfloat16 ? "they compute in bfloat16 only"
            : config.HiddenSize % 16 != 0 || config.IntermediateSize % 16 != 0 || config.VocabSize % 8 != 0
            ? "its widths are no multiples of 16"
            : config.HiddenSize > WidestRow ? $"it is wider than {WidestRow}"
            : config.HeadDim % 16 != 0 || config.HeadDim > 256 ? "flash attention has no such heads"
            : null;

    /// <summary>As attention with scores of its own wants them; flash attention takes them end to end.</summary>
    public override bool EvenRows => evenRows;

    public override (Tensor Sum, Operand Normed, Tensor InverseRms) Norm(Tensor x, Tensor? added, NormFactors weight, double epsilon,
        Form form) =>
        Norm(x, added, null, null, weight, epsilon, form);

    public override (Tensor Sum, Operand Normed, Tensor InverseRms) ExpandAndNorm(Tensor x, Projection y, NormFactors weight,
        double epsilon, Form form) =>
        y.Pending is [var up] && IsSmall(up) ? Norm(x, y.Y, up.Matrix, up.LowOf(y.Low!.Values), weight, epsilon, form)
            : base.ExpandAndNorm(x, y, weight, epsilon, form);

    /// <param name="up">[ranks, width]: low · up too is added.</param>
    private (Tensor Sum, Operand Normed, Tensor InverseRms) Norm(Tensor x, Tensor? added, Tensor? up, Tensor? low, NormFactors weight,
        double epsilon, Form form)
    {
        long rows = x.size(0), width = x.size(1);
        Tensor inverse = empty([rows, 1], float32, x.device), sum = added is null ? x : empty_like(x);
        var normed = Room(form, rows, width, x);
        _program.Launch("rmsNorm", (rows, 1), RowThreads(width),
            [At(x), At(added), At(weight.Weight), At(sum), At(normed.Wide), At(inverse), At(normed.Eight?.Codes), At(normed.Eight?.Scales),
                (ulong)width, Bits(epsilon), At(low), (ulong)(low?.stride(0) ?? 0), At(up), (ulong)(up?.size(0) ?? 0),
                weight.PlusOne ? 1u : 0]);
        return (sum, normed, inverse);
    }

    public override Operand NormBackward(Tensor gradient, Tensor x, Tensor inverseRms, NormFactors weight, Tensor? residual,
        Form form)
    {
        var result = Room(form with { Wide = true }, x.size(0), x.size(1), x);
        _program.Launch("rmsNormBackward", (x.size(0), 1), RowThreads(x.size(1)),
            [At(gradient), At(x), At(inverseRms), At(weight.Weight), At(residual), At(result.Wide), At(form.Factors),
                At(result.Eight?.Codes), At(result.Eight?.Scales), (ulong)x.size(1), weight.PlusOne ? 1u : 0]);
        return result;
    }

    public override Operand Glu(Tensor gateUp, GluActivation activation, Form form)
    {
        long rows = gateUp.size(0), half = gateUp.size(1) / 2;
        var result = Room(form, rows, half, gateUp);
        if (result.Eight is { } eight)
        {
            _program.Launch("gluCodes", (rows, 1), RowThreads(half),
                [At(gateUp), At(result.Wide), At(eight.Codes), At(eight.Scales), (ulong)half, (ulong)activation]);
        }
        else
        {
            _program.Launch("glu", (Blocks(rows * half / 8), 1), 256,
                [At(gateUp), At(result.Wide), (ulong)half, (ulong)(rows * half / 8), (ulong)activation]);
        }
        return result;
    }

    public override Operand GluBackward(Tensor gradient, Tensor gateUp, GluActivation activation, Form form)
    {
        long rows = gateUp.size(0), half = gateUp.size(1) / 2;
        var result = Room(form with { Wide = false }, rows, 2 * half, gateUp) with { Wide = form.Wide ? gateUp : null };
        if (result.Eight is { } eight)
        {
            _program.Launch("gluBackwardCodes", (rows, 1), RowThreads(half),
                [At(gradient), At(gateUp), At(form.Factors), At(eight.Codes), At(eight.Scales), (ulong)half, form.Wide ? 1u : 0,
                    (ulong)activation]);
        }
        else
        {
            GluBackward(gradient, gateUp, null, activation);
        }
        return result;
    }

    public override (Operand Gradient, Tensor Output) GluBackwardAndForward(Tensor gradient, Tensor gateUp, GluActivation activation,
        Form form)
    {
        if (form.Eight)
        {
            return base.GluBackwardAndForward(gradient, gateUp, activation, form);
        }
        GluBackward(gradient, gateUp, gradient, activation);
        return (new(gateUp, null), gradient);
    }

    private void GluBackward(Tensor gradient, Tensor gateUp, Tensor? output, GluActivation activation)
    {
        var (half, count) = (gateUp.size(1) / 2, gateUp.numel() / 16);
        _program.Launch("gluBackward", (Blocks(count), 1), 256,
            [At(gradient), At(gateUp), At(output), (ulong)half, (ulong)count, (ulong)activation]);
    }

    public override void Rope(Tensor qkv, HeadLayout heads, Tensor positions, Tensor cos, Tensor sin) =>
        _program.Launch("rope", (qkv.size(0), 1), 256,
            [At(qkv), (ulong)qkv.size(1), (ulong)(heads.Query + heads.KeyValue), (ulong)heads.Dim, At(positions), At(cos), At(sin)]);

    public override Operand RopeBackward(Tensor dq, Tensor dk, Tensor dv, HeadLayout heads, Tensor positions, Tensor cos, Tensor sin,
        Form form)
    {
        var width = heads.QueryWidth + (2 * heads.KeyValueWidth);
        var result = Room(form, dq.size(0), width, dq);
        ReadOnlySpan<ulong> arguments = [At(dq), At(dk), At(dv), At(result.Wide), (ulong)heads.Query, (ulong)heads.KeyValue,
            (ulong)heads.Dim, At(positions), At(cos), At(sin)];
        if (result.Eight is { } eight)
        {
            _program.Launch("ropeBackwardCodes", (dq.size(0), 1), RowThreads(width / 2),
                [.. arguments, At(form.Factors), At(eight.Codes), At(eight.Scales)]);
        }
        else
        {
            _program.Launch("ropeBackward", (dq.size(0), 1), 256, arguments);
        }
        return result;
    }

    public override Tensor? Project(Tensor x, Tensor matrix, Tensor low, ReadOnlySpan<Tile> tiles)
    {
        var runs = Tile.Runs(tiles);
        if (ByProducts(runs))
        {
            using var scope = NewDisposeScope();
            foreach (var (start, count, tile) in runs)
            {
                low.narrow(1, start, count).addmm_(Dropped(x, tile.Dropout), matrix.narrow(0, start, count).t(), beta: 0,
                    alpha: tile.Scale);
            }
            return null;
        }
        long tokens = x.size(0), width = x.size(1);
        var dropping = runs.Count(run => run.Tile.Dropout.Threshold != 0);
        // To draw again takes the backward longer than to read a bit an element.
        var kept = dropping == 0 ? null : empty([dropping, tokens, (width + 31) / 32], int32, x.device);
        if (AreLarge(runs))
        {
            ProjectRanks(x, matrix, low, runs, kept);
            return kept;
        }
        var packed = Pack(tiles);
        _program.Launch("project" + tiles.Length, ((tokens + 31) / 32, 1), 256,
            [At(x), (ulong)x.stride(0), (ulong)width, At(matrix), At(low), (ulong)low.stride(0), (ulong)tokens, At(kept)], &packed);
        return kept;
    }

    public override void Accumulate(Tensor? x, Tensor low, Tensor? sums, ReadOnlySpan<Tile> tiles, Tensor? matrix = null,
        Tensor? gradient = null, Tensor? kept = null)
    {
        var runs = Tile.Runs(tiles);
        if (ByProducts(runs))
        {
            AccumulateByProducts(x, low, sums, runs, matrix, gradient);
            return;
        }
        if (x is null || AreLarge(runs))
        {
            AccumulateRanks(x, low, sums, runs, matrix, gradient, kept);
            return;
        }
        long tokens = x.size(0), width = x.size(1);
        var packed = Pack(tiles);
        _program.Launch((gradient is null ? "accumulate" : "accumulateGradient") + tiles.Length,
            ((width + ColumnThreads - 1) / ColumnThreads, (tokens + AccumulateTokens - 1) / AccumulateTokens), ColumnThreads,
            [At(x), (ulong)x.stride(0), (ulong)width, At(low), (ulong)low.stride(0), At(sums), At(matrix), At(gradient), (ulong)tokens,
                AccumulateTokens, At(kept)], &packed);
    }

    /// <summary>A product of bfloat16 in float32 is a tensor of its own: some rows of it at a time.</summary>
    public override void AddProduct(Tensor sums, Tensor a, Tensor b)
    {
        var rows = Math.Max(1, LargestProduct / sums.size(1));
        for (long start = 0; start < sums.size(0); start += rows)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(rows, sums.size(0) - start);
            sums.narrow(0, start, count).add_(Aten.Call("aten::mm.dtype", 1, a.narrow(1, start, count).t(), b, (long)float32)[0],
                Scalars.One);
        }
    }

    public override Tensor Dropped(Tensor x, Dropout dropout)
    {
        if (dropout.Threshold == 0)
        {
            return x;
        }
        long tokens = x.size(0), width = x.size(1), count = tokens * width / 8;
        var result = empty([tokens, width], x.dtype, x.device);
        var packed = Pack([new Tile(1, dropout)]);
        _program.Launch("dropRows", (Blocks(count), 1), 256, [At(x), (ulong)x.stride(0), At(result), (ulong)width, (ulong)count], &packed);
        return result;
    }

    public override Fp8Rows Encode(Tensor x, Tensor? factors, bool powerOfTwo = false)
    {
        long rows = x.size(0), width = x.size(1);
        var result = Codes(rows, width, x.device);
        _program.Launch("encodeRows", (rows, 1), RowThreads(width),
            [At(x), At(factors), At(result.Codes), At(result.Scales), (ulong)width, powerOfTwo ? 1u : 0]);
        return result;
    }

    /// <summary>By cuBLASLt, with the tensor cores' own sums.</summary>
    public override Tensor Product(Fp8Rows x, Fp8Rows weight, Tensor? bias, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        return Aten.Call("aten::_scaled_mm", 1, x.Codes, weight.Codes.t(), x.Scales, weight.Scales.t(),
            bias is null ? Aten.Argument.None : Aten.Argument.Some(bias), Aten.Argument.None, Aten.Argument.Some((long)dtype), true)[0]
            .MoveToOuterDisposeScope();
    }

    /// <summary>Where a kernel writes the forms that are asked for, of the type and on the device of another tensor.</summary>
    private static Operand Room(Form form, long rows, long width, Tensor like) =>
        new(form.Wide ? empty([rows, width], like.dtype, like.device) : null, form.Eight ? Codes(rows, width, like.device) : null);

    private static Fp8Rows Codes(long rows, long width, TorchSharp.torch.Device device) =>
        new(empty([rows, width], Fp8.E4m3, device), empty([rows, 1], float32, device));

    public override Tensor CrossEntropy(Tensor logits, Tensor targets, Tensor weights)
    {
        var losses = empty([logits.size(0)], float32, logits.device);
        _program.Launch("crossEntropy", (logits.size(0), 1), 512,
            [At(logits), At(targets), At(weights), At(losses), (ulong)logits.size(1)]);
        return losses;
    }

    private static Tiles Pack(ReadOnlySpan<Tile> tiles)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tiles.Length, MaxTiles);
        var packed = new Tiles();
        for (var i = 0; i < tiles.Length; i++)
        {
            packed.Drop[3 * i] = tiles[i].Dropout.Key.First;
            packed.Drop[(3 * i) + 1] = tiles[i].Dropout.Key.Second;
            packed.Drop[(3 * i) + 2] = tiles[i].Dropout.Threshold;
            packed.Scale[i] = tiles[i].Scale;
            packed.Numbers = tiles[i].Dropout.Tokens is { } tokens ? Aten.Data(tokens.Numbers) : packed.Numbers;
        }
        return packed;
    }

    /// <summary>Of a block that holds a row in its registers.</summary>
    private static int RowThreads(long width) => (int)Math.Clamp((width + (8 * RowItems * 32) - 1) / (8 * RowItems * 32) * 32, 32, 1024);

    private static long Blocks(long items) => Math.Min((items + 255) / 256, MaxBlocks);

    /// <param name="offset">In bfloat16 elements.</param>
    private static ulong At(Tensor? tensor, long offset = 0) =>
        tensor is null ? 0 : (ulong)Aten.Data(tensor) + (ulong)(offset * sizeof(ushort));

    private static ulong Bits(double value) => BitConverter.SingleToUInt32Bits((float)value);
}
