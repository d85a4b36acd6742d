using static LoraAspire.Model.Generation.CounterRandom;

namespace LoraAspire.Evaluator.Metrics;

/// <summary>
/// Random numbers by their place: number i of stream s of a seed is a hash of the three (the finaliser of SplitMix64; Steele, Lea and
/// Flood, 2014). The same for every number of threads and on every machine. numpy's generator, which sacrebleu draws with, isn't
/// reproduced: intervals and p-values agree with sacrebleu's up to the draw, scores to the digit.
/// </summary>
internal readonly struct CounterRandom(ulong seed, ulong stream)
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private readonly ulong _start = Mix(Mix(seed + Golden) ^ (stream * Golden));

    public ulong At(ulong place) => Mix(_start + (place + 1) * Golden);

    /// <summary>A number below a limit, each as likely but for 2^-64 of them.</summary>
    public int Below(int limit, ulong place) => (int)Math.BigMul(At(place), (ulong)limit, out _);

    public bool Coin(ulong place) => At(place) >> 63 == 1;
}
