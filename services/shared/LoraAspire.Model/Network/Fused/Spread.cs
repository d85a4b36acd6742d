using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>Tokens laid out as attention wants them: those of a shared prefix before each row's own, padding behind.</summary>
/// <param name="From">[places] int64: the token that lies there.</param>
/// <param name="Own">[T] int64: a place of each token, for those of a prefix one of several.</param>
/// <param name="CopyStarts">[T + 1] int32: where each token's further places begin in <paramref name="Copies"/>, and their end.</param>
/// <param name="Copies">[N] int32: those places.</param>
/// <param name="Copied">[N] int64: which token lies there.</param>
public sealed record Spread(Tensor From, Tensor Own, Tensor CopyStarts, Tensor Copies, Tensor Copied) : TensorGroup
{
    protected override IEnumerable<IDisposable?> Parts => [From, Own, CopyStarts, Copies, Copied];

    /// <summary>[T, width] as [places, width].</summary>
    public Tensor Out(Tensor x) => x.index_select(0, From);

    /// <summary>[places, width] as [T, width]: of each token what lies at one of its places.</summary>
    public Tensor In(Tensor x) => x.index_select(0, Own);

    /// <summary>[T, width] as [places, width], 0 at places that are no token's own.</summary>
    public Tensor OutOnce(Tensor x) => zeros([From.size(0), x.size(1)], x.dtype, x.device).index_copy_(0, Own, x);

    /// <summary>[places, width] as [T, width]: of each token the sum over its places, in float32.</summary>
    public Tensor Sum(Tensor x)
    {
        using var scope = NewDisposeScope();
        var result = In(x).to_type(float32);
        if (Copies.size(0) > 0)
        {
            result.index_add_(0, Copied, x.index_select(0, Copies).to_type(float32), Scalars.One);
        }
        return result.to_type(x.dtype).MoveToOuterDisposeScope();
    }
}
