using static TorchSharp.torch;

namespace LoraAspire.Model.Network;

/// <summary>
/// Prompts that go through the layers side by side, padded on the right to one length: no token sees what follows it, so that the padding
/// changes nothing of theirs.
/// </summary>
/// <param name="Prompts">Their places in the list that was given.</param>
/// <param name="Ids">[prompts, longest]</param>
/// <param name="Pass">What all layers share.</param>
/// <param name="Lengths">Of each prompt.</param>
internal sealed record PromptBatch(IReadOnlyList<int> Prompts, Tensor Ids, Pass Pass, IReadOnlyList<int> Lengths)
{
    /// <summary>Bounds what the activations of a layer take; a longer prompt stands alone.</summary>
    private const int MostTokens = 2048;

    public static IReadOnlyList<PromptBatch> Of(IReadOnlyList<int[]> prompts, ModelConfig config, Rope rope)
    {
        List<List<int>> groups = [];
        foreach (var prompt in Enumerable.Range(0, prompts.Count).OrderByDescending(at => prompts[at].Length))
        {
            // Beyond these positions the angles of some models depend on the length.
            var longest = groups.Count == 0 ? 0 : prompts[groups[^1][0]].Length;
            if (longest is 0 || longest > config.MaxPositionEmbeddings || (groups[^1].Count + 1) * longest > MostTokens)
            {
                groups.Add([]);
            }
            groups[^1].Add(prompt);
        }
        return [.. groups.Select(group => Of(group, prompts, config, rope))];
    }

    /// <param name="x">[prompts, longest, hidden]</param>
    /// <returns>[prompts, hidden], of each prompt's last token.</returns>
    public Tensor Last(Tensor x) => cat([.. Lengths.Select((length, row) => x.narrow(0, row, 1).select(1, length - 1))], 0);

    private static PromptBatch Of(IReadOnlyList<int> group, IReadOnlyList<int[]> prompts, ModelConfig config, Rope rope)
    {
        var length = prompts[group[0]].Length;
        var ids = new long[group.Count * length];
        foreach (var (row, prompt) in group.Index())
        {
            Array.Copy(prompts[prompt], 0, ids, row * length, prompts[prompt].Length);
        }
        var (cos, sin) = rope.At(0, length, float32);
        return new(group, tensor(ids, int64).view(group.Count, length),
            new(cos, sin, AttentionMasks.Of(config, 0, length, CPU), null, length > 1, false),
            [.. group.Select(prompt => prompts[prompt].Length)]);
    }
}
