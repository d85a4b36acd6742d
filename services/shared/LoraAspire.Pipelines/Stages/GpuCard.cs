using System.Globalization;

namespace LoraAspire.Pipelines.Stages;

/// <summary>A GPU that a worker may compute on.</summary>
/// <param name="Index">As `lora gpu` counts; of a part of a card (MIG), its place in what the worker sees.</param>
/// <param name="Id">The driver's own name for it, the same in every process and container: GPU-8f6c….</param>
/// <param name="Memory">Bytes; null where the driver doesn't tell.</param>
public sealed record GpuCard(int Index, string Id, string Name, long? Memory = null)
{
    private const string CardPrefix = "GPU-";

    /// <summary>
    /// What a process with this CUDA_VISIBLE_DEVICES sees, in its order: places or names of cards, a name also by its beginning. The first
    /// that isn't there ends the list, as it does for CUDA.
    /// </summary>
    /// <param name="variable">Null where it isn't set, and every card is seen.</param>
    public static IReadOnlyList<GpuCard> Visible(IReadOnlyList<GpuCard> all, string? variable)
    {
        if (variable is null)
        {
            return all;
        }
        List<GpuCard> seen = [];
        foreach (var word in variable.Split(',', StringSplitOptions.TrimEntries))
        {
            var card = word.StartsWith("MIG-", StringComparison.Ordinal) ? new GpuCard(seen.Count, word, "part of a GPU")
                : word.StartsWith(CardPrefix, StringComparison.Ordinal) && word.Length > CardPrefix.Length
                ? (all.Where(one => one.Id.StartsWith(word, StringComparison.Ordinal)).ToList() is [var only] ? only : null)
                : int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                ? all.FirstOrDefault(one => one.Index == index) : null;
            if (card is null || seen.Any(one => one.Id == card.Id))
            {
                break;
            }
            seen.Add(card);
        }
        return seen;
    }
}
