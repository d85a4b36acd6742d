using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Fused;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network;

/// <summary>
/// NEFTune (Jain et al. 2023): in training a token's embedding gets uniform(−1, 1) · alpha / √(length · hidden), length being its row's.
/// As dropout it is a function of (seed, token of the step, column): autograd and the hand-written backward draw the same, and a row's
/// noise doesn't depend on which rows share its micro-batch, or a device.
/// </summary>
/// <param name="Numbers">[T] int32: each token's number in the optimiser step</param>
/// <param name="Strengths">[T] float32, see <see cref="StrengthsOf"/></param>
public sealed record EmbeddingNoise(Tensor Numbers, Tensor Strengths, long Seed)
{
    /// <summary>Dropout draws by the numbers of linear layers, from 0 on.</summary>
    private const int Module = -1;

    /// <summary>Words in 64 bits: these take 32 MiB.</summary>
    private const long DrawnAtOnce = 1 << 22;

    /// <summary>Upper bits of a word, as many as float32 holds exactly.</summary>
    private const int Bits = 24;

    /// <summary>alpha / √(length · hidden) of each token [T], from the length of its row.</summary>
    public static Tensor StrengthsOf(IEnumerable<int> lengths, double alpha, long hidden, torch.Device device) =>
        tensor(lengths.Select(length => (float)(alpha / Math.Sqrt((double)length * hidden))).ToArray()).Sent(device);

    /// <param name="x">[…, hidden], T rows in all.</param>
    internal Tensor AddedTo(Tensor x)
    {
        using var scope = NewDisposeScope();
        var (rows, width) = (Numbers.size(0), x.size(-1));
        var noise = empty([rows, width], x.dtype, x.device);
        var chunk = Math.Max(1, DrawnAtOnce / width);
        for (long start = 0; start < rows; start += chunk)
        {
            using var drawing = NewDisposeScope();
            var count = Math.Min(chunk, rows - start);
            var words = DrawKey.Of(Seed, Module).Words(Numbers.narrow(0, start, count), width);
            var unit = words.bitwise_right_shift(tensor(32L - Bits)).to_type(float32).mul_((2.0 / (1 << Bits)).AsScalar())
                .add_(Scalars.MinusOne, Scalars.One);
            noise.narrow(0, start, count).copy_(unit.mul_(Strengths.narrow(0, start, count).unsqueeze(1)));
        }
        return x.add(noise.view(x.shape), Scalars.One).MoveToOuterDisposeScope();
    }
}
