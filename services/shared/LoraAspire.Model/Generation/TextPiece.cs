namespace LoraAspire.Model.Generation;

public enum FinishReason { Stop, Length }

/// <summary>A stretch of the answer. The last one has a <paramref name="Finish"/>, and may have no text.</summary>
/// <param name="Tokens">Tokens of the answer so far, an end-of-sequence token not counted.</param>
public sealed record TextPiece(string Text, int Tokens, FinishReason? Finish = null)
{
    /// <summary>Which of the answers to the prompt it belongs to, from 0.</summary>
    public int Choice { get; init; }

    /// <summary>Of the tokens since the last piece, where they were asked for.</summary>
    public IReadOnlyList<TokenLogprob> Logprobs { get; init; } = [];
}

/// <summary>A token of the answer and how probable it was before any temperature or penalty.</summary>
/// <param name="Bytes">What it stands for, in UTF-8; it may be a part of a character.</param>
/// <param name="Logprob">Natural logarithm.</param>
/// <param name="Top">The most probable tokens in its place, best first, without a list of their own.</param>
public sealed record TokenLogprob(int Id, byte[] Bytes, double Logprob, IReadOnlyList<TokenLogprob> Top);
