namespace LoraAspire.Model.Network.Families;

/// <summary>
/// Gemma 2 (Gemma Team 2024): as Gemma 1, and norms on what attention and MLP give too, scores and logits capped by c·tanh(x / c), scores
/// scaled by
/// 1 / √query_pre_attn_scalar, a window in every other layer from the first on.
/// </summary>
internal static class Gemma2
{
    private const int UsualWindow = 4096;
    private const double UsualScalar = 256, UsualScoreCap = 50, UsualLogitCap = 30;

    public static Family Family { get; } = new("gemma2")
    {
        TiedByDefault = true,
        Activation = ActivationField.GeluTanh,
        Reads = ["attn_logit_softcapping", "final_logit_softcapping"],
        Complete = (fields, model) => Gemma.Own(model) with
        {
            OutputNorms = true,
            AttentionScale = 1 / Math.Sqrt(fields.Number("query_pre_attn_scalar", above: 0) ?? UsualScalar),
            ScoreCap = Cap(fields, "attn_logit_softcapping", UsualScoreCap),
            LogitCap = Cap(fields, "final_logit_softcapping", UsualLogitCap),
            SlidingWindow = SlidingWindows.Read(fields, model.NumHiddenLayers, layer => layer % 2 == 0, UsualWindow),
        },
    };

    /// <summary>A field that says null has no cap; one that isn't there has the usual one, as in transformers.</summary>
    private static double? Cap(ConfigFields fields, string name, double usual) =>
        fields.Number(name, above: 0) ?? (fields.Element.TryGetProperty(name, out _) ? null : usual);
}
