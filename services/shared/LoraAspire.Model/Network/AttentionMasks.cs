using LoraAspire.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network;

/// <summary>Which keys a query sees.</summary>
internal static class AttentionMasks
{
    /// <summary>Per distinct window of the layers, under 0 where there is none.</summary>
    /// <param name="start">Positions before the first query.</param>
    /// <param name="attentionMask">[batch, length], 1 on real tokens, 0 on padding; or null.</param>
    public static IReadOnlyDictionary<int, Tensor?> Of(ModelConfig config, int start, int length, torch.Device device,
        Tensor? attentionMask = null) => config.SlidingWindow.Distinct()
            .ToDictionary(window => window ?? 0, window => Of(start, length, window, device, attentionMask));

    /// <summary>
    /// [batch or 1, 1, length, start + length], true where a query sees a key; null where "causal" or "all" says it already.
    /// </summary>
    private static Tensor? Of(int start, int length, int? window, torch.Device device, Tensor? attentionMask)
    {
        var windowed = window < start + length;
        if (attentionMask is null && !windowed && (start == 0 || length == 1))
        {
            return null;
        }
        var queries = Scalars.Counting(start, start + length, int64, device).unsqueeze(1);
        var keys = Scalars.Counting(0, start + length, int64, device).unsqueeze(0);
        var visible = keys.le(queries);
        if (windowed)
        {
            visible = visible.logical_and(keys.gt(queries.sub(((long)window!.Value).AsScalar())));
        }
        visible = visible.view(1, 1, length, start + length);
        // A padding row that saw no key would be NaN in the backward of some kernels, so each position sees itself.
        return attentionMask is null
            ? visible
            : visible.logical_and(attentionMask.to_type(@bool).view(attentionMask.size(0), 1, 1, -1)).logical_or(keys.eq(queries));
    }
}
