using System.Text.Json;

namespace LoraAspire.Trainer.Ranks;

/// <summary>What a process that computes on one more device is told on the first line of its standard input.</summary>
/// <param name="Token">Of the ring (base64): on no command line and in no environment.</param>
/// <param name="Work">What to compute, in words of who starts it.</param>
internal sealed record RankTask(int Rank, int Count, string Token, string Work)
{
    public string ToText() => JsonSerializer.Serialize(this);

    /// <exception cref="JsonException">It is none.</exception>
    public static RankTask Read(string line) => JsonSerializer.Deserialize<RankTask>(line) ?? throw new JsonException("null");
}

/// <summary>What such a process says on its standard output: lines that begin so; all others come from native code.</summary>
internal static class RankWords
{
    public const string Listening = "rank listening ", Failed = "rank failed ";
}

/// <summary>Why it ends.</summary>
/// <param name="IsLost">Another process went first.</param>
internal sealed record RankFailure(string Words, bool IsTransient, bool IsLost);
