using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Generation.Cpu.Matrices;

namespace LoraAspire.Model.Generation.Cpu;

/// <summary>Logits in the executor's own memory; the caller draws.</summary>
/// <param name="wanted">Per slice the row that was wanted, or −1.</param>
internal sealed class CpuResults(RowBuffer logits, int[] wanted) : StepResults
{
    private readonly int[] _places = Places(wanted);

    public override int? Drawn(int slice) => null;

    public override Span<float> Logits(int slice) => _places[slice] is >= 0 and var place
        ? logits.Span(place)
        : throw new InvalidOperationException($"Slice {slice} of the step didn't want logits.");

    /// <summary>Per slice its place among those that were wanted, or −1.</summary>
    private static int[] Places(int[] wanted)
    {
        var count = 0;
        return [.. wanted.Select(row => row >= 0 ? count++ : -1)];
    }
}
