using LoraAspire.Model.Network;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Model.Weights;

namespace LoraAspire.Model;

/// <summary>What of a model's folder can be known without loading it: settings, the headers of its weight files, its tokenizer.</summary>
public static class ModelCheck
{
    /// <returns>What is wrong, in words; nothing when the folder can be used.</returns>
    public static IEnumerable<string> Problems(string folder, bool weights = true, bool tokenizer = true)
    {
        if (Problem(() => ModelConfig.Load(folder)) is { } unknown)
        {
            return [unknown]; // a model that can't be run: what its other files lack is beside the point
        }
        Action[] looks =
        [
            () => { if (weights) { using var files = WeightFiles.Open(folder); } },
            () => { if (tokenizer) { HfTokenizer.Load(folder); } },
        ];
        return looks.Select(Problem).OfType<string>();
    }

    /// <summary>The linear layers that the weight files hold, by path: "model.layers.0.self_attn.q_proj".</summary>
    /// <exception cref="ModelException">The weights can't be read.</exception>
    public static IReadOnlyList<string> Linears(string folder)
    {
        const string end = ".weight";
        using var files = WeightFiles.Open(folder);
        return [.. files.Tensors.Where(tensor => tensor.Shape.Count == 2 && tensor.Name.EndsWith(end, StringComparison.Ordinal)
                && !tensor.Name.EndsWith("embed_tokens" + end, StringComparison.Ordinal))
            .Select(tensor => tensor.Name[..^end.Length])];
    }

    private static string? Problem(Action look)
    {
        try
        {
            look();
            return null;
        }
        catch (Exception error) when (error is ModelException or IOException or UnauthorizedAccessException)
        {
            return error.Message;
        }
    }
}
