namespace LoraAspire.Model.Generation.Constraints;

/// <summary>What an answer has to obey, token by token. One instance belongs to one answer.</summary>
public abstract class TokenConstraint
{
    /// <summary>
    /// Sets the logits of the tokens that can't come next to negative infinity; an end token can come where the text may end.
    /// </summary>
    /// <param name="logits">[vocab_size]</param>
    public abstract void Mask(Span<float> logits);

    /// <summary>Takes note of the token that came.</summary>
    public abstract void Accept(int id);

    /// <summary>The text is whole, and nothing may follow but its end.</summary>
    public abstract bool IsComplete { get; }
}
