using LoraAspire.Model.Native;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// Each part in ATen operators that every device has for every type: for GPUs, types and widths that <see cref="CudaKernels"/> aren't for.
/// Attention is the one that libtorch has for them, and is computed again in the backward, by autograd over it alone.
/// </summary>
internal sealed class PlainKernels : TorchKernels
{
    /// <summary>Words in 64 bits: these take 32 MiB.</summary>
    private const long DrawnAtOnce = 1 << 22;

    public override AttentionResult Attention(Tensor qkv, HeadLayout heads, PackedRows rows)
    {
        using var scope = NewDisposeScope();
        // For the backward q, k and v are enough, which the layer keeps.
        return new AttentionResult(Attend(qkv, heads, rows).MoveToOuterDisposeScope(), empty(0).MoveToOuterDisposeScope(), null, null);
    }

    public override (Tensor Dq, Tensor Dk, Tensor Dv) AttentionBackward(Tensor gradient, Tensor qkv, HeadLayout heads, PackedRows rows,
        AttentionResult forward)
    {
        using var scope = NewDisposeScope();
        using var withGradient = enable_grad();
        var source = qkv.detach();
        source.requires_grad = true;
        var result = autograd.grad([Attend(source, heads, rows)], [source], [gradient])[0];
        Tensor Part(long start, long width) => result.narrow(1, start, width).MoveToOuterDisposeScope();
        return (Part(0, heads.QueryWidth), Part(heads.QueryWidth, heads.KeyValueWidth),
            Part(heads.QueryWidth + heads.KeyValueWidth, heads.KeyValueWidth));
    }

    private static Tensor Attend(Tensor qkv, HeadLayout heads, PackedRows rows)
    {
        var layout = rows.Attention;
        var (q, k, v) = Split(qkv, heads, layout);
        var mask = WindowMask(heads, layout, qkv.device)?.to_type(qkv.dtype);
        var output = Join(F.scaled_dot_product_attention(q, k, v, mask!, is_casual: mask is null));
        return layout.Spread?.In(output) ?? output;
    }

    public override Tensor Dropped(Tensor x, Dropout dropout)
    {
        if (dropout.Threshold == 0)
        {
            return x;
        }
        using var scope = NewDisposeScope();
        var (rows, width) = (x.size(0), x.size(1));
        var numbers = dropout.Tokens?.Numbers ?? Scalars.Counting(0, rows, int64, x.device);
        var result = x.clone();
        var chunk = Math.Max(1, DrawnAtOnce / width);
        for (long start = 0; start < rows; start += chunk)
        {
            using var drawing = NewDisposeScope();
            var count = Math.Min(chunk, rows - start);
            var words = dropout.Key.Words(numbers.narrow(0, start, count), width / 2);
            // A word's lower half is for the even column, its upper for the odd one.
            var halves = stack([words, words.bitwise_right_shift(tensor(16L))], -1).view(count, width)
                .bitwise_and_(tensor(0x7FFFL));
            result.narrow(0, start, count).masked_fill_(halves.lt(((long)dropout.Threshold).AsScalar()), 0.0.AsScalar());
        }
        return result.MoveToOuterDisposeScope();
    }
}
