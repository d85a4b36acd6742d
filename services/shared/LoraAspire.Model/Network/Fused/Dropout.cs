namespace LoraAspire.Model.Fused;

/// <summary>
/// Which elements of a layer's input dropout keeps, as a pure function of (key, row, column): the backward pass draws the same mask again instead of
/// keeping it, and a GPU kernel and the CPU agree bit for bit. Two rounds of a 32-bit finaliser (lowbias32) make one word for two columns; a half-word below the threshold drops its element.
/// </summary>
/// <param name="Threshold">round(p · 65536); 0 drops nothing.</param>
internal readonly record struct Dropout(uint Key1, uint Key2, uint Threshold)
{
    public static Dropout None => default;

    /// <param name="seed">Of the micro-batch.</param>
    /// <param name="module">Number of the linear layer in the model.</param>
    public static Dropout Of(long seed, int module, double probability)
    {
        var key = SplitMix((ulong)seed + (0x9E3779B97F4A7C15UL * (ulong)(module + 1)));
        return new((uint)key, (uint)(key >> 32), (uint)Math.Round(probability * 65536));
    }

    /// <summary>1 / (1 − p), with the p that the threshold really gives.</summary>
    public float InverseKeep => 65536f / (65536f - Threshold);

    /// <summary>target = source where kept, else 0; both [width] of row <paramref name="row"/>. Width is even.</summary>
    public void Apply(ReadOnlySpan<float> source, Span<float> target, int row)
    {
        var pairs = source.Length / 2;
        var counter = (uint)(row * pairs);
        for (var pair = 0; pair < pairs; pair++)
        {
            var word = Mix(Mix((counter + (uint)pair) ^ Key1) + Key2);
            target[2 * pair] = (word & 0xFFFF) >= Threshold ? source[2 * pair] : 0;
            target[(2 * pair) + 1] = word >> 16 >= Threshold ? source[(2 * pair) + 1] : 0;
        }
    }

    private static uint Mix(uint x)
    {
        x = (x ^ (x >> 16)) * 0x7FEB352D;
        x = (x ^ (x >> 15)) * 0x846CA68B;
        return x ^ (x >> 16);
    }

    private static ulong SplitMix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9UL;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBUL;
        return x ^ (x >> 31);
    }
}
