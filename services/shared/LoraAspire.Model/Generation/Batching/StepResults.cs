namespace LoraAspire.Model.Generation.Batching;

/// <summary>What a step gave, in the order of its slices. Valid until the next step.</summary>
public abstract class StepResults
{
    /// <summary>The token that the executor drew for a slice; null where it left that to the caller.</summary>
    public abstract int? Drawn(int slice);

    /// <summary>Logits [vocab_size] float32 of a slice's last token; the caller may change them.</summary>
    public abstract Span<float> Logits(int slice);
}
