using System.Text;
using LoraAspire.Model.Generation;

namespace LoraAspire.Chat.OpenAi;

/// <summary>How probable an answer's tokens were, as chat completions tell it.</summary>
public sealed record ChoiceLogprobs(IReadOnlyList<LogprobEntry> Content, object? Refusal = null)
{
    /// <param name="top">Null where nobody asked.</param>
    public static ChoiceLogprobs? Of(IReadOnlyList<TokenLogprob> tokens, int? top) =>
        top is null ? null : new([.. tokens.Select(LogprobEntry.Of)]);
}

/// <param name="Bytes">UTF-8; a token may be a part of a character.</param>
public sealed record LogprobEntry(string Token, double Logprob, IReadOnlyList<int> Bytes, IReadOnlyList<TopLogprob> TopLogprobs)
{
    /// <summary>What a probability of 0 is written as: JSON has no infinity.</summary>
    private const double Never = -9999;

    public static LogprobEntry Of(TokenLogprob token) =>
        new(Text(token), Finite(token.Logprob), Numbers(token), [.. token.Top.Select(TopOf)]);

    public static string Text(TokenLogprob token) => Encoding.UTF8.GetString(token.Bytes);

    public static double Finite(double logprob) => double.IsFinite(logprob) ? logprob : Never;

    private static TopLogprob TopOf(TokenLogprob token) => new(Text(token), Finite(token.Logprob), Numbers(token));

    private static int[] Numbers(TokenLogprob token) => Array.ConvertAll(token.Bytes, one => (int)one);
}

public sealed record TopLogprob(string Token, double Logprob, IReadOnlyList<int> Bytes);
