using System.Numerics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// Which elements of a layer's input dropout keeps, as a pure function of (key, token, column): the backward pass draws the same mask again
/// instead of keeping it, and a GPU kernel and the CPU agree bit for bit. A token is known by its number in the optimiser step, so that the
/// mask doesn't depend on which rows share a micro-batch, or a device. <see cref="DrawKey"/> makes one word for two columns; of a half-word
/// the lower 15 bits, when below the threshold, drop its element.
/// </summary>
/// <param name="Threshold">round(p · 32768); 0 drops nothing.</param>
internal readonly record struct Dropout(DrawKey Key, uint Threshold)
{
    private const int Steps = 1 << 15;

    public static Dropout None => default;

    /// <summary>Of the tokens that it is drawn for; null numbers them by their place.</summary>
    public TokenDraw? Tokens { get; init; }

    /// <param name="draw">Of the micro-batch.</param>
    /// <param name="module">Number of the linear layer in the model.</param>
    public static Dropout Of(TokenDraw draw, int module, double probability) =>
        new(DrawKey.Of(draw.Seed, module), (uint)Math.Round(probability * Steps)) { Tokens = draw };

    /// <summary>1 / (1 − p), with the p that the threshold really gives.</summary>
    public float InverseKeep => Steps / (float)(Steps - Threshold);

    /// <summary>What each token of a micro-batch is drawn by, on the host.</summary>
    public int[] Numbers(int tokens) => Tokens is { } draw ? draw.OnHost() : [.. Enumerable.Range(0, tokens)];

    /// <summary>target = source where kept, else 0; both [width] of the token of this number. Width is even.</summary>
    public void Apply(ReadOnlySpan<float> source, Span<float> target, int number)
    {
        var pairs = source.Length / 2;
        var counter = unchecked((uint)number * (uint)pairs);
        var pair = 0;
        var lanes = Vector<uint>.Indices;
        var first = MemoryMarshal.Cast<float, Vector<uint>>(source);
        var second = MemoryMarshal.Cast<float, Vector<uint>>(target);
        // A vector of words decides over twice as many columns: word i over 2i and 2i + 1.
        for (var block = 0; block + 1 < first.Length; block += 2, pair += Vector<uint>.Count)
        {
            var word = Key.Words(new Vector<uint>(counter + (uint)pair) + lanes) & new Vector<uint>(0x7FFF_7FFF);
            var kept = Vector.GreaterThanOrEqual(Vector.AsVectorUInt16(word), new Vector<ushort>((ushort)Threshold));
            Vector.Widen(Vector.AsVectorInt16(kept), out var lower, out var upper);
            second[block] = first[block] & Vector.AsVectorUInt32(lower);
            second[block + 1] = first[block + 1] & Vector.AsVectorUInt32(upper);
        }
        for (; pair < pairs; pair++)
        {
            var word = Key.Words(new Vector<uint>(counter + (uint)pair))[0];
            target[2 * pair] = (word & 0x7FFF) >= Threshold ? source[2 * pair] : 0;
            target[(2 * pair) + 1] = (word >> 16 & 0x7FFF) >= Threshold ? source[(2 * pair) + 1] : 0;
        }
    }
}

/// <summary>What a micro-batch's dropout is drawn by. A class: two are the same when they are one.</summary>
/// <param name="seed">Of the optimiser step.</param>
/// <param name="numbers">[T] int32 on the model's device: each token's number in the step, its rows laid end to end.</param>
internal sealed class TokenDraw(long seed, Tensor numbers)
{
    private int[]? _onHost;

    public long Seed => seed;

    public Tensor Numbers => numbers;

    public int[] OnHost()
    {
        if (_onHost is null)
        {
            using var host = numbers.cpu();
            _onHost = host.data<int>().ToArray();
        }
        return _onHost;
    }
}
