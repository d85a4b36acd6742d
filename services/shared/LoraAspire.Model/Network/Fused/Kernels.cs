using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// The rank is cut into tiles of eight, the width of a tensor core's product: tile i is rows 8i..8i+7 of a matrix [8·tiles, width] and
/// columns 8i..8i+7 of a low-rank activation [T, 8·tiles]. A rank that is no multiple of eight is filled up with zeros.
/// </summary>
/// <param name="Scale">LoRA's scale, times 1/(1−p) of the dropout.</param>
internal readonly record struct Tile(float Scale, Dropout Dropout)
{
    public const int Width = 8;

    /// <summary>Neighbouring tiles of one layer, taken together: where their rows start, and how many these are.</summary>
    public static IReadOnlyList<(int Start, int Count, Tile Tile)> Runs(ReadOnlySpan<Tile> tiles)
    {
        var runs = new List<(int Start, int Count, Tile Tile)>();
        for (var i = 0; i < tiles.Length; i++)
        {
            if (runs.Count > 0 && runs[^1].Tile == tiles[i])
            {
                runs[^1] = runs[^1] with { Count = runs[^1].Count + Width };
            }
            else
            {
                runs.Add((i * Width, Width, tiles[i]));
            }
        }
        return runs;
    }
}

/// <summary>What acts on a gate: SwiGLU's x·σ(x), or GeGLU's GELU in its tanh form (<see cref="Activations.GeluTanh"/>).</summary>
internal enum GluActivation { Silu, GeluTanh }

/// <summary>What attention keeps for its backward.</summary>
/// <param name="Output">[T, heads·dim]</param>
/// <param name="Seed">With Offset what libtorch's kernels would have drawn dropout by.</param>
internal sealed record AttentionResult(Tensor Output, Tensor LogSumExp, Tensor? Seed, Tensor? Offset) : TensorGroup
{
    protected override IEnumerable<IDisposable?> Parts => [Output, LogSumExp, Seed, Offset];
}

/// <summary>An adapter's second matrix, and the columns of a stack's output that it works on.</summary>
/// <param name="Start">Their first; there are as many as the matrix has.</param>
/// <param name="Rank">Its first column of the stack's low-rank activation; it has as many as the matrix has rows.</param>
/// <param name="Matrix">Bᵀ [tiles·8, columns]</param>
/// <param name="Sums">[tiles·8, columns] float32: its gradient of the step.</param>
internal sealed record UpMatrix(long Start, int Rank, Tensor Matrix, Tensor Sums) : TensorGroup
{
    public Tensor Of(Tensor y) => y.narrow(1, Start, Matrix.size(1));

    public Tensor LowOf(Tensor low) => low.narrow(1, Rank, Matrix.size(0));

    protected override IEnumerable<IDisposable?> Parts => [Matrix, Sums];
}

/// <summary>A matrix that an optimiser step begins or ends with copying into another, or adding to it.</summary>
/// <param name="From">float32, of any strides; null is zeros.</param>
/// <param name="To">Its columns side by side.</param>
internal sealed record StepCopy(Tensor? From, Tensor To, bool Adds);

/// <summary>A low-rank activation scale · dropout(x)·Aᵀ [T, ranks].</summary>
/// <param name="Kept">What dropout kept; null where the backward draws it again.</param>
internal sealed record LowRank(Tensor Values, Tensor? Kept) : TensorGroup
{
    /// <summary>With DoRA what each layer's lengths multiply [T, out].</summary>
    public IReadOnlyList<Tensor> Lengthened { get; init; } = [];

    protected override IEnumerable<IDisposable?> Parts => [Values, Kept, .. Lengthened];
}

/// <summary>How many heads stand in a row of q|k|v, and how far a query sees.</summary>
internal sealed record HeadLayout(int Query, int KeyValue, int Dim, int? Window)
{
    /// <summary>What scores are multiplied by; null is 1 / √dim.</summary>
    public double? Scale { get; init; }

    /// <summary>Scores pass c·tanh(x / c) before the softmax; null passes them on.</summary>
    public double? Cap { get; init; }

    public int QueryWidth => Query * Dim;
    public int KeyValueWidth => KeyValue * Dim;
}

/// <summary>
/// The parts of a decoder layer that are no matrix product, forward and backward, on T tokens laid end to end. All activations are [T,
/// width], row after row; there is no autograd.
/// </summary>
internal abstract class Kernels
{
    /// <summary>Attention takes rows of one length, padded where they aren't.</summary>
    public abstract bool EvenRows { get; }

    /// <summary>s = x (+ added); n = s / sqrt(mean(s²) + eps) · w. The inverse root is float32 [T, 1].</summary>
    public abstract (Tensor Sum, Operand Normed, Tensor InverseRms) Norm(Tensor x, Tensor? added, NormFactors weight, double epsilon,
        Form form);

    /// <summary>The same of x + y, where to y its adapters' part is added first.</summary>
    public virtual (Tensor Sum, Operand Normed, Tensor InverseRms) ExpandAndNorm(Tensor x, Projection y, NormFactors weight, double epsilon,
        Form form)
    {
        Expand(y);
        return Norm(x, y.Y, weight, epsilon, form);
    }

    /// <summary>With g = ∂L/∂n · w: r·g − x·r³·mean(g·x), r the inverse root (+ residual).</summary>
    /// <param name="form">Wide in any case.</param>
    public abstract Operand NormBackward(Tensor gradient, Tensor x, Tensor inverseRms, NormFactors weight, Tensor? residual,
        Form form);

    /// <summary>act(gate) · up of [T, 2·I], gate first.</summary>
    public abstract Operand Glu(Tensor gateUp, GluActivation activation, Form form);

    /// <summary>∂L/∂(gate|up), which as far as it is wanted wide is <paramref name="gateUp"/>, written over.</summary>
    public abstract Operand GluBackward(Tensor gradient, Tensor gateUp, GluActivation activation, Form form);

    /// <summary>The same, and what <see cref="Glu"/> gives, which may be written over the gradient.</summary>
    public virtual (Operand Gradient, Tensor Output) GluBackwardAndForward(Tensor gradient, Tensor gateUp, GluActivation activation,
        Form form)
    {
        var output = Glu(gateUp, activation, Form.Plain).Wide!;
        return (GluBackward(gradient, gateUp, activation, form), output);
    }

    /// <summary>Turns the q and k heads of q|k|v in place.</summary>
    /// <param name="cos">[positions, dim] float32, and sin alike.</param>
    public abstract void Rope(Tensor qkv, HeadLayout heads, Tensor positions, Tensor cos, Tensor sin);

    /// <summary>The same, after the adapters' part is added.</summary>
    public virtual void ExpandAndTurn(Projection qkv, HeadLayout heads, Tensor positions, Tensor cos, Tensor sin)
    {
        Expand(qkv);
        Rope(qkv.Y, heads, positions, cos, sin);
    }

    /// <summary>dq, dk, dv side by side as [T, q|k|v], q and k turned back.</summary>
    public abstract Operand RopeBackward(Tensor dq, Tensor dk, Tensor dv, HeadLayout heads, Tensor positions, Tensor cos, Tensor sin,
        Form form);

    /// <summary>The same, and <see cref="Reduce"/> of it where both are one kernel; else the low-rank gradient is null.</summary>
    /// <param name="low">Null where q, k and v have no adapters.</param>
    public virtual (Operand Gradient, Tensor? Low) TurnBackAndReduce(Tensor dq, Tensor dk, Tensor dv, HeadLayout heads, Tensor positions,
        Tensor cos, Tensor sin, Form form, Tensor? low, IReadOnlyList<UpMatrix> ups, ReadOnlySpan<Tile> tiles) =>
        (RopeBackward(dq, dk, dv, heads, positions, cos, sin, form), null);

    /// <summary>A step has hundreds of these, each too small to keep a GPU busy.</summary>
    public virtual void Copy(IReadOnlyList<StepCopy> copies)
    {
        foreach (var (from, to, adds) in copies)
        {
            _ = from is null ? to.zero_() : adds ? to.add_(from, Scalars.One) : to.copy_(from);
        }
    }

    /// <summary>Causal attention within each row; [T, heads·dim].</summary>
    public abstract AttentionResult Attention(Tensor qkv, HeadLayout heads, PackedRows rows);

    public abstract (Tensor Dq, Tensor Dk, Tensor Dv) AttentionBackward(Tensor gradient, Tensor qkv, HeadLayout heads, PackedRows rows,
        AttentionResult forward);

    /// <summary>What <see cref="RopeBackward"/> makes of it, [T, q|k|v]; null where that isn't done together.</summary>
    public virtual Tensor? AttentionTurnedBack(Tensor gradient, Tensor qkv, HeadLayout heads, FusedPass pass, AttentionResult forward) =>
        null;

    /// <summary>low[:, tile] = scale · dropout(x) · matrix[tile]ᵀ for each tile. x may be a slice of columns.</summary>
    /// <returns>What dropout kept, for <see cref="Accumulate"/>; null where that draws it again.</returns>
    public abstract Tensor? Project(Tensor x, Tensor matrix, Tensor low, ReadOnlySpan<Tile> tiles);

    /// <summary>y += low · matrix. y may be a slice of columns.</summary>
    public abstract void Expand(Tensor y, Tensor low, Tensor matrix);

    /// <summary>Adds the adapters' part, as far as it isn't in it.</summary>
    public virtual void Expand(Projection y)
    {
        foreach (var up in y.Pending)
        {
            using Tensor part = up.Of(y.Y), low = up.LowOf(y.Low!.Values);
            Expand(part, low, up.Matrix);
        }
    }

    /// <summary>Whether a product with an adapter's second matrix is so large that its result is better there before that of the
    /// weights, which is added to it.</summary>
    public virtual bool ExpandsFirst(UpMatrix up) => false;

    /// <summary>
    /// ∂L/∂y read for its adapters: returned is the low-rank gradient, scale · gradient · matrixᵀ; sums += lowᵀ · gradient. 1/(1−p) too is
    /// in the scale and in low; nothing is dropped.
    /// </summary>
    public virtual Tensor Reduce(Tensor gradient, Tensor low, IReadOnlyList<UpMatrix> ups, ReadOnlySpan<Tile> tiles)
    {
        var result = empty([gradient.size(0), low.size(1)], gradient.dtype, gradient.device);
        foreach (var up in ups)
        {
            using Tensor part = up.Of(gradient), to = up.LowOf(result), own = up.LowOf(low);
            var plain = TilesOf(up, tiles);
            Project(part, up.Matrix, to, plain);
            Accumulate(part, own, up.Sums, plain);
        }
        return result;
    }

    /// <summary>An adapter's tiles, nothing dropped.</summary>
    protected static Tile[] TilesOf(UpMatrix up, ReadOnlySpan<Tile> tiles)
    {
        var own = tiles.Slice(up.Rank / Tile.Width, (int)up.Matrix.size(0) / Tile.Width).ToArray();
        return Array.ConvertAll(own, tile => tile with { Dropout = Dropout.None });
    }

    /// <summary>
    /// sums[tile] += low[:, tile]ᵀ · dropout(x), float32; and, where an input gradient is given, gradient += Σ dropout'(low[:, tile] ·
    /// matrix[tile]). The scales of the tiles are not applied: they are in low.
    /// </summary>
    /// <param name="x">Null where only the input gradient is wanted.</param>
    /// <param name="kept">What <see cref="Project"/> returned for these tiles.</param>
    public abstract void Accumulate(Tensor? x, Tensor low, Tensor? sums, ReadOnlySpan<Tile> tiles, Tensor? matrix = null,
        Tensor? gradient = null, Tensor? kept = null);

    /// <summary>x [T, width] with the dropped elements 0, not scaled.</summary>
    public abstract Tensor Dropped(Tensor x, Dropout dropout);

    /// <summary>
    /// x [T, width] (times factors [width]) in e4m3, the scale such that a row's largest becomes e4m3's, or that rounded up to a power of
    /// two.
    /// </summary>
    public abstract Fp8Rows Encode(Tensor x, Tensor? factors, bool powerOfTwo = false);

    /// <summary>x in the forms that are asked for; as far as it is wanted wide, x itself.</summary>
    public Operand As(Tensor x, Form form) => new(form.Wide ? x : null, form.Eight ? Encode(x, form.Factors) : null);

    /// <summary>x·Wᵀ (+ b) of e4m3 rows, [T, N] of the given type.</summary>
    /// <param name="weight">[N, width]</param>
    public abstract Tensor Product(Fp8Rows x, Fp8Rows weight, Tensor? bias, ScalarType dtype);

    /// <summary>gate|up = x·Wᵀ and its adapters' part, and what <see cref="Glu"/> gives; null where that isn't one kernel.</summary>
    /// <param name="weight">[out, in]</param>
    /// <param name="project">Makes the adapters' low-rank activation, where there are any.</param>
    public virtual (Projection GateUp, Tensor Output)? ProductGlu(Tensor x, Tensor weight, IReadOnlyList<UpMatrix> ups,
        Func<LowRank?> project, GluActivation activation) => null;

    /// <summary>What <see cref="GluBackward"/> gives for ∂L/∂y·W, written over gate|up; false where that isn't one kernel.</summary>
    public virtual bool ProductGluBack(Tensor gradient, Tensor weight, Tensor gateUp, GluActivation activation) => false;

    /// <summary>q|k|v = x·Wᵀ and its adapters' part, q and k turned; null where that isn't one kernel.</summary>
    public virtual Projection? ProductTurned(Tensor x, Tensor weight, IReadOnlyList<UpMatrix> ups, Func<LowRank?> project,
        HeadLayout heads, Tensor positions, Tensor cos, Tensor sin) => null;

    /// <summary>x·Wᵀ, its adapters' part and what is given; null where that isn't one kernel.</summary>
    /// <param name="added">[T, out]</param>
    public virtual Projection? ProductAdded(Tensor x, Tensor weight, IReadOnlyList<UpMatrix> ups, Func<LowRank?> project, Tensor added) =>
        null;

    /// <summary>sums += aᵀ·b, added up in float32.</summary>
    /// <param name="sums">[n, m] float32</param>
    /// <param name="a">[T, n]</param>
    /// <param name="b">[T, m]</param>
    public abstract void AddProduct(Tensor sums, Tensor a, Tensor b);

    /// <summary>−log softmax(logits)[target], [N] float32; the logits become weight · (softmax − onehot).</summary>
    public abstract Tensor CrossEntropy(Tensor logits, Tensor targets, Tensor weights);
}
