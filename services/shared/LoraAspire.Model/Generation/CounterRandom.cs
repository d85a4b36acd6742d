namespace LoraAspire.Model.Generation;

/// <summary>
/// Random numbers that depend on what they are for alone, and not on how many were drawn before: the same request gets the same ones
/// whoever else is served, and after its text had to be computed anew.
/// </summary>
internal static class CounterRandom
{
    private const ulong Golden = 0x9E3779B97F4A7C15; // 2^64 / φ, the step of SplitMix64

    /// <summary>[0, 1), for the token at a place of one of the answers.</summary>
    public static double Uniform(ulong seed, int choice, int place)
    {
        var stream = Mix(seed + (Golden * ((uint)choice + 1UL)));
        return (Mix(stream + (Golden * ((uint)place + 1UL))) >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>SplitMix64's finisher (Steele, Lea and Flood 2014): each bit of x changes about half of the result's.</summary>
    public static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
