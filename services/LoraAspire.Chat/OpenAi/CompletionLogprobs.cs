using System.Text.Json.Serialization;
using LoraAspire.Model.Generation;

namespace LoraAspire.Chat.OpenAi;

/// <summary>How probable an answer's tokens were, in completions' older form: lists of the same length.</summary>
/// <param name="TopLogprobs">Token → log probability, best first.</param>
/// <param name="TextOffset">Where each token begins in the answer, in UTF-16 units.</param>
public sealed record CompletionLogprobs(IReadOnlyList<string> Tokens, IReadOnlyList<double> TokenLogprobs,
    IReadOnlyList<IReadOnlyDictionary<string, double>> TopLogprobs, IReadOnlyList<int> TextOffset)
{
    /// <summary>Of all tokens, in UTF-16 units.</summary>
    [JsonIgnore]
    public int Length { get; private init; }

    /// <param name="offset">Where the first token begins.</param>
    public static CompletionLogprobs Of(IEnumerable<TokenLogprob> tokens, int offset)
    {
        List<string> texts = [];
        List<double> logprobs = [];
        List<IReadOnlyDictionary<string, double>> top = [];
        List<int> offsets = [];
        var at = offset;
        foreach (var token in tokens)
        {
            texts.Add(LogprobEntry.Text(token));
            logprobs.Add(LogprobEntry.Finite(token.Logprob));
            top.Add(token.Top.DistinctBy(LogprobEntry.Text).ToDictionary(LogprobEntry.Text, one => LogprobEntry.Finite(one.Logprob)));
            offsets.Add(at);
            at += texts[^1].Length;
        }
        return new(texts, logprobs, top, offsets) { Length = at - offset };
    }
}
