using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Network.Quantised;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks;

/// <summary>
/// A use of a kernel on random numbers in bfloat16, at Llama-2-7B's widths on the first GPU. Compiled into the tests as well, which hold
/// every kernel to the plain operators.
/// </summary>
internal sealed record KernelCase(string Name, Func<Kernels, Tensor[]> Work, double Tolerance = KernelCase.Rounding)
{
    /// <summary>Two roundings to bfloat16 (2⁻⁸ each) may lie between a kernel and the plain operators.</summary>
    public const double Rounding = 0.02;

    /// <summary>Where they straddle the border between two codes of e4m3: at its top, between 416 and 448, these are 1/14 apart.</summary>
    private const double OneCode = (32.0 / 448) + Rounding;

    private const int Tokens = 7552, Hidden = 4096, Intermediate = 11008, Heads = 32, Length = 472, Vocabulary = 32000, Head = 2048;

    /// <summary>The largest difference between both, relative to the largest value; infinite where one is not a number.</summary>
    public double Difference(Kernels fast, Kernels plain)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var difference = Work(plain).Zip(Work(fast)).Max(pair =>
            (pair.First.to_type(float32) - pair.Second.to_type(float32)).abs().max()
                .item<float>() / Math.Max(1e-6, pair.First.abs().max().to_type(float32).item<float>()));
        return double.IsNaN(difference) ? double.PositiveInfinity : difference;
    }

    /// <summary>The tensors belong to the caller's scope.</summary>
    public static IReadOnlyList<KernelCase> All(Kernels plain)
    {
        using var noGrad = no_grad();
        RandomNumbers.Seed(CUDA, 1);
        Tensor Random(long rows, long columns, double scale = 1) => randn([rows, columns], bfloat16, CUDA).mul_(scale);
        Tensor x = Random(Tokens, Hidden), other = Random(Tokens, Hidden), weight = randn([Hidden], bfloat16, CUDA);
        Tensor gateUp = Random(Tokens, 2 * Intermediate), inner = Random(Tokens, Intermediate), qkv = Random(Tokens, 3 * Hidden);
        var heads = new HeadLayout(Heads, Heads, Hidden / Heads, null);
        var angles = outer(arange(Length, float32, CUDA), randn([heads.Dim / 2], float32, CUDA));
        var both = cat([angles, angles], -1);
        Tensor cos = both.cos(), sin = both.sin(), positions = arange(Tokens, int32, CUDA).remainder(Length).to_type(int32);
        Tensor matrix = Random(24, Hidden, 0.02), low = Random(Tokens, 24), logits = Random(Head, Vocabulary, 3);
        var targets = randint(0, Vocabulary, [Head], int64, CUDA);
        var weights = rand([Head], float32, CUDA);
        // Rows of a step in another order than they lie in: what is drawn goes with the token, not with its place.
        TokenDraw draw = new(7, arange(Tokens, int32, CUDA).flip(0).mul(3).to_type(int32));
        Tile[] tiles = [.. Enumerable.Range(0, 3).Select(module => new Tile(2, Dropout.Of(draw, module, 0.05)))];
        Tensor wideMatrix = Random(72, Hidden, 0.02), wideLow = Random(Tokens, 72);
        Tile[] many = [.. Enumerable.Range(0, 9).Select(tile => new Tile(2, Dropout.Of(draw, tile / 5, 0.05)))];
        Tile[] one = [new Tile(2, Dropout.None)];
        var third = inner.narrow(1, 0, Hidden).contiguous();
        NormFactors plusOne = new(weight, PlusOne: true);
        Tensor firstMatrix = randn([8, Hidden], float32, CUDA), secondMatrix = randn([Hidden, 12], float32, CUDA);
        var secondSums = randn([16, Hidden], float32, CUDA);
        var inverse = plain.Norm(x, null, weight, 1e-5, Form.Plain).InverseRms;
        return
        [
            new("norm", k => { var (_, n, r) = k.Norm(x, null, weight, 1e-5, Form.Plain); return [n.Wide!, r]; }),
            new("add, norm", k => { var (s, n, r) = k.Norm(x, other, weight, 1e-5, Form.Plain); return [s, n.Wide!, r]; }),
            new("norm backward", k => [k.NormBackward(other, x, inverse, weight, other, Form.Plain).Wide!]),
            new("expand, add, norm", k =>
            {
                Projection y = new(other.clone(), new(low, null), Ups(8, 0));
                var (s, n, r) = k.ExpandAndNorm(x, y, weight, 1e-5, Form.Plain);
                return [s, n.Wide!, r];
            }),
            new("norm of 1 + w", k => { var (_, n, r) = k.Norm(x, null, plusOne, 1e-5, Form.Plain); return [n.Wide!, r]; }),
            new("norm of 1 + w backward", k => [k.NormBackward(other, x, inverse, plusOne, other, Form.Plain).Wide!]),
            .. Enum.GetValues<GluActivation>().SelectMany(one => new KernelCase[]
            {
                new($"glu, {one}", k => [k.Glu(gateUp, one, Form.Plain).Wide!]),
                new($"glu backward, {one}", k => [k.GluBackward(inner, gateUp.clone(), one, Form.Plain).Wide!]),
                new($"glu backward and forward, {one}", k =>
                {
                    var (gradient, output) = k.GluBackwardAndForward(inner.clone(), gateUp.clone(), one, Form.Plain);
                    return [gradient.Wide!, output];
                }),
            }),
            new("product added in float32", k =>
            {
                var sums = zeros([Vocabulary, Hidden], float32, CUDA);
                k.AddProduct(sums, logits, x.narrow(0, 0, Head));
                return [sums];
            }),
            new("dropped", k => [k.Dropped(x, tiles[1].Dropout)]),
            new("a step's copies", k =>
            {
                Tensor down = zeros([8, Hidden], bfloat16, CUDA), up = zeros([16, Hidden], bfloat16, CUDA);
                Tensor gradient = ones([Hidden, 12], float32, CUDA), cleared = ones([24, Hidden], float32, CUDA);
                k.Copy([new(firstMatrix, down, Adds: false), new(secondMatrix.t(), up.narrow(0, 0, 12), Adds: false),
                    new(secondSums.narrow(0, 0, 12).t(), gradient, Adds: true), new(null, cleared, Adds: false)]);
                return [down, up, gradient, cleared];
            }),
            new("rope", k => { var copy = qkv.clone(); k.Rope(copy, heads, positions, cos, sin); return [copy]; }),
            new("rope backward", k => [k.RopeBackward(x, other, third, heads, positions, cos, sin, Form.Plain).Wide!]),
            .. new[] { (Rank: 8, Parts: new[] { 0, 1, 2 }), (16, [0, 2]), (24, [0, 1, 2]) }.Select(one => new KernelCase(
                $"expand and turn, rank {one.Rank} on {one.Parts.Length} parts", k =>
                {
                    Projection y = new(qkv.clone(), new(wideLow, null), Ups(one.Rank, one.Parts));
                    k.ExpandAndTurn(y, heads, positions, cos, sin);
                    return [y.Y];
                })),
            .. new[] { (Rank: 8, Parts: new[] { 0, 1, 2 }), (16, [0, 2]), (24, [0, 1, 2]) }.Select(one => new KernelCase(
                $"turn back and reduce, rank {one.Rank} on {one.Parts.Length} parts", k =>
                {
                    var ups = Ups(one.Rank, one.Parts);
                    var ranks = one.Rank * one.Parts.Length;
                    var part = wideLow.narrow(1, 0, ranks);
                    Tile[] scales = [.. Enumerable.Range(0, ranks / Tile.Width).Select(tile => new Tile(1 + tile, Dropout.None))];
                    var (gradient, own) = k.TurnBackAndReduce(x, other, third, heads, positions, cos, sin, Form.Plain, part, ups, scales);
                    own ??= k.Reduce(gradient.Wide!, part, ups, scales);
                    return [gradient.Wide!, own, .. ups.Select(up => up.Sums)];
                })),
            new("reduce", k =>
            {
                var ups = Ups(16, 1);
                return [k.Reduce(qkv, wideLow.narrow(1, 0, 16), ups, [.. one, .. one]), ups[0].Sums];
            }),
            new("project, 3 tiles, dropout",
                k => { var to = empty([Tokens, 24], bfloat16, CUDA); k.Project(x, matrix, to, tiles); return [to]; }),
            new("project a slice", k =>
            {
                var to = empty([Tokens, 8], bfloat16, CUDA);
                k.Project(qkv.narrow(1, Hidden, Hidden), matrix.narrow(0, 8, 8), to, one);
                return [to];
            }),
            new("expand", k => { var copy =
                qkv.clone(); k.Expand(copy.narrow(1, Hidden, Hidden), low.narrow(1, 8, 8), matrix.narrow(0, 8, 8)); return [copy]; }),
            new("accumulate a slice", k =>
            {
                var sums = zeros([8, Hidden], float32, CUDA);
                k.Accumulate(qkv.narrow(1, Hidden, Hidden), low.narrow(1, 8, 8), sums, one);
                return [sums];
            }),
            new("accumulate, 3 tiles, dropout, gradient", k =>
            {
                Tensor sums = zeros([24, Hidden], float32, CUDA), copy = x.clone();
                k.Accumulate(x, low, sums, tiles, matrix, copy);
                return [sums, copy];
            }),
            new("accumulate, 3 tiles, gradient, what project kept", k =>
            {
                Tensor sums = zeros([24, Hidden], float32, CUDA), copy = x.clone();
                var kept = k.Project(x, matrix, empty([Tokens, 24], bfloat16, CUDA), tiles);
                k.Accumulate(x, low, sums, tiles, matrix, copy, kept);
                return [sums, copy];
            }),
            new("project, 9 tiles of two layers", k =>
            {
                var to = empty([Tokens, 72], bfloat16, CUDA);
                k.Project(x, wideMatrix, to, many);
                return [to];
            }),
            new("expand, rank 72", k => { var copy =
                qkv.clone(); k.Expand(copy.narrow(1, Hidden, Hidden), wideLow, wideMatrix); return [copy]; }),
            new("accumulate, 9 tiles of two layers, gradient", k =>
            {
                Tensor sums = zeros([72, Hidden], float32, CUDA), copy = x.clone();
                k.Accumulate(x, wideLow, sums, many, wideMatrix, copy);
                return [sums, copy];
            }),
            .. new[] { 24, 32, 64, 72 }.SelectMany(rank => new KernelCase[]
            {
                new($"project, rank {rank}, dropout", k =>
                {
                    var to = empty([Tokens, rank], bfloat16, CUDA);
                    k.Project(x, wideMatrix.narrow(0, 0, rank), to, Dropping(rank));
                    return [to];
                }),
                new($"gradient alone, rank {rank - 16}", k =>
                {
                    var (copy, own, part) = (x.clone(), wideMatrix.narrow(0, 0, rank - 16), wideLow.narrow(1, 0, rank - 16));
                    k.Accumulate(null, part, null, Dropping(rank - 16), own, copy);
                    return [copy];
                }),
                new($"project and accumulate, rank {rank}, gradient, what project kept", k =>
                {
                    Tensor sums = zeros([rank, Hidden], float32, CUDA), copy = x.clone();
                    var own = wideMatrix.narrow(0, 0, rank);
                    var kept = k.Project(x, own, empty([Tokens, rank], bfloat16, CUDA), Dropping(rank));
                    k.Accumulate(x, wideLow.narrow(1, 0, rank), sums, Dropping(rank), own, copy, kept);
                    return [sums, copy];
                }),
            }),
            new("cross entropy",
                k => { var copy = logits.clone(); var losses = k.CrossEntropy(copy, targets, weights); return [losses, copy]; }),
            .. ProductCase.All(heads, positions, cos, sin),
            .. AttentionCase.All(),
            .. CudaDevice.Capability() < Fp8.Capability ? [] : InEightBits(),
        ];

        // Of some of three layers side by side.
        UpMatrix[] Ups(int rank, params int[] parts) => [.. parts.Select((part, index) => new UpMatrix(part * Hidden, index * rank,
            wideMatrix.narrow(0, part * rank, rank), zeros([rank, Hidden], float32, CUDA)))];

        // Of one layer.
        Tile[] Dropping(int rank) => [.. Enumerable.Repeat(new Tile(2, Dropout.Of(draw, 3, 0.05)), rank / Tile.Width)];

        IEnumerable<KernelCase> InEightBits()
        {
            // Powers of two between 1/16 and 8, as a base's rows have.
            Tensor factors = randint(-4, 4, [Hidden], float32, CUDA).exp2().to_type(bfloat16), wide = cat([factors, factors, factors]);
            var inFactors = randint(-4, 4, [2 * Intermediate], float32, CUDA).exp2().to_type(bfloat16);
            Form plainRows = new(Wide: false, Eight: true), both = new(Wide: true, Eight: true);
            Tensor large = Random(Hidden, Hidden, 0.02), bias = Random(1, Hidden).squeeze(0);
            Fp8Rows left = plain.Encode(x, null), right = plain.Encode(large, null, powerOfTwo: true);
            yield return new("encode", k => Wide(k.Encode(x, factors)), OneCode);
            yield return new("encode, powers of two", k => Wide(k.Encode(large, null, powerOfTwo: true)), Tolerance: 0);
            yield return new("norm, e4m3", k => Wide(k.Norm(x, null, weight, 1e-5, plainRows).Normed), OneCode);
            yield return new("add, norm, e4m3 too", k =>
            {
                var (s, n, r) = k.Norm(x, other, weight, 1e-5, both);
                return [s, r, .. Wide(n)];
            }, OneCode);
            yield return new("norm backward, e4m3 too", k => Wide(k.NormBackward(other, x, inverse, weight, other, both with
            {
                Factors = factors,
            })), OneCode);
            foreach (var one in Enum.GetValues<GluActivation>())
            {
                yield return new($"glu, {one}, e4m3", k => Wide(k.Glu(gateUp, one, plainRows)), OneCode);
                yield return new($"glu, {one}, e4m3 too", k => Wide(k.Glu(gateUp, one, both)), OneCode);
                yield return new($"glu backward, {one}, e4m3", k => Wide(k.GluBackward(inner, gateUp.clone(), one, plainRows with
                {
                    Factors = inFactors,
                })), OneCode);
                yield return new($"glu backward, {one}, e4m3 too", k => Wide(k.GluBackward(inner, gateUp.clone(), one, both)), OneCode);
            }
            yield return new("rope backward, e4m3 too", k => Wide(k.RopeBackward(x, other, third, heads, positions, cos, sin, both with
            {
                Factors = wide,
            })), OneCode);
            yield return new("product, e4m3", k => [k.Product(left, right, null, bfloat16)]);
            yield return new("product and bias, e4m3", k => [k.Product(left, right, bias, bfloat16)]);
        }
    }

    private static Tensor[] Wide(Operand operand) =>
        operand.Wide is { } wide ? [wide, .. Wide(operand.Eight!)] : Wide(operand.Eight!);

    private static Tensor[] Wide(Fp8Rows rows) => [rows.Scales, rows.Codes.to_type(float32).mul_(rows.Scales)];
}
