namespace LoraAspire.Model.Network.Families;

/// <summary>How families name the activation of their MLP.</summary>
internal static class ActivationField
{
    public const string TanhForm = "gelu_pytorch_tanh";

    public static string Silu(ConfigFields fields) =>
        fields.Text("hidden_act") is null or "silu" or "swish" ? "silu" : throw Unknown(fields, "hidden_act");

    /// <summary>
    /// Gemma's first checkpoints say hidden_act gelu where gelu_pytorch_tanh is meant; hidden_activation wins, as in transformers.
    /// </summary>
    public static string GeluTanh(ConfigFields fields)
    {
        var field = fields.Has("hidden_activation") ? "hidden_activation" : "hidden_act";
        return fields.Text(field) is null or "gelu" or TanhForm ? TanhForm : throw Unknown(fields, field);
    }

    private static ModelException Unknown(ConfigFields fields, string field) =>
        fields.Refuse(field, $"is '{fields.Text(field)}'; this code computes silu, and {TanhForm} of gemma");
}
