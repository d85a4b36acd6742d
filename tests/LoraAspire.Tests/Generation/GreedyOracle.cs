using LoraAspire.Model.Network;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Generation;

/// <summary>What the network itself says, one sequence and one token at a time: an engine must say the same.</summary>
internal static class GreedyOracle
{
    public static IReadOnlyList<int> Tokens(LlamaModel model, IReadOnlyList<int> prompt, int count)
    {
        using var cache = new KvCache(model.Config, batch: 1, prompt.Count + count, model.Device, model.Dtype);
        List<int> ids = [];
        for (long[] next = [.. prompt.Select(id => (long)id)]; ids.Count < count; next = [ids[^1]])
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var logits = model.Forward(tensor(next, [1, next.Length], device: model.Device), cache, lastOnly: true);
            ids.Add((int)logits.reshape(-1).argmax().cpu().item<long>());
        }
        return ids;
    }
}
