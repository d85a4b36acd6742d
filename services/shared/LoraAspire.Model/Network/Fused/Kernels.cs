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

/// <summary>What attention keeps for its backward.</summary>
internal sealed record AttentionResult(Tensor Output, Tensor LogSumExp, Tensor? RngState, Tensor? Unused) : TensorGroup
{
    protected override IEnumerable<IDisposable?> Parts => [Output, LogSumExp, RngState, Unused];
}

/// <summary>How many heads stand in a row of q|k|v, and how far a query sees.</summary>
internal sealed record HeadLayout(int Query, int KeyValue, int Dim, int? Window)
{
    public int QueryWidth => Query * Dim;
    public int KeyValueWidth => KeyValue * Dim;
}

/// <summary>
/// The parts of a decoder layer that are no matrix product, forward and backward, on T tokens laid end to end. All activations are [T,
/// width], row after row; there is no autograd.
/// </summary>
internal abstract class Kernels
{
    /// <summary>Rows must have one length (<see cref="PackedRows.From"/>).</summary>
    public abstract bool Padded { get; }

    /// <summary>s = x (+ added); n = s / sqrt(mean(s²) + eps) · w. The inverse root is float32 [T, 1].</summary>
    public abstract (Tensor Sum, Operand Normed, Tensor InverseRms) Norm(Tensor x, Tensor? added, Tensor weight, double epsilon, Form form);

    /// <summary>With g = ∂L/∂n · w: r·g − x·r³·mean(g·x), r the inverse root (+ residual).</summary>
    /// <param name="form">Wide in any case.</param>
    public abstract Operand NormBackward(Tensor gradient, Tensor x, Tensor inverseRms, Tensor weight, Tensor? residual, Form form);

    /// <summary>silu(gate) · up of [T, 2·I], gate first.</summary>
    public abstract Operand SwiGlu(Tensor gateUp, Form form);

    /// <summary>∂L/∂(gate|up), which as far as it is wanted wide is <paramref name="gateUp"/>, written over.</summary>
    public abstract Operand SwiGluBackward(Tensor gradient, Tensor gateUp, Form form);

    /// <summary>Turns the q and k heads of q|k|v in place.</summary>
    /// <param name="cos">[positions, dim] float32, and sin alike.</param>
    public abstract void Rope(Tensor qkv, HeadLayout heads, Tensor positions, Tensor cos, Tensor sin);

    /// <summary>dq, dk, dv side by side as [T, q|k|v], q and k turned back.</summary>
    public abstract Operand RopeBackward(Tensor dq, Tensor dk, Tensor dv, HeadLayout heads, Tensor positions, Tensor cos, Tensor sin,
        Form form);

    /// <summary>Causal attention within each row; [T, heads·dim].</summary>
    public abstract AttentionResult Attention(Tensor qkv, HeadLayout heads, PackedRows rows);

    public abstract (Tensor Dq, Tensor Dk, Tensor Dv) AttentionBackward(Tensor gradient, Tensor qkv, HeadLayout heads, PackedRows rows,
        AttentionResult forward);

    /// <summary>low[:, tile] = scale · dropout(x) · matrix[tile]ᵀ for each tile. x may be a slice of columns.</summary>
    public abstract void Project(Tensor x, Tensor matrix, Tensor low, ReadOnlySpan<Tile> tiles);

    /// <summary>y += low · matrix. y may be a slice of columns.</summary>
    public abstract void Expand(Tensor y, Tensor low, Tensor matrix);

    /// <summary>
    /// sums[tile] += low[:, tile]ᵀ · dropout(x), float32; and, where an input gradient is given, gradient += Σ dropout'(low[:, tile] ·
    /// matrix[tile]). The scales of the tiles are not applied: they are in low.
    /// </summary>
    public abstract void Accumulate(Tensor x, Tensor low, Tensor sums, ReadOnlySpan<Tile> tiles, Tensor? matrix = null,
        Tensor? gradient = null);

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

    /// <summary>−log softmax(logits)[target], [N] float32; the logits become weight · (softmax − onehot).</summary>
    public abstract Tensor CrossEntropy(Tensor logits, Tensor targets, Tensor weights);
}
