using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Generation.Cpu.Matrices;

namespace LoraAspire.Model.Generation.Cpu;

/// <summary>Logits in the executor's own memory; the caller draws.</summary>
/// <param name="wanted">Per slice the row that was wanted, or −1.</param>
internal sealed class CpuResults(RowBuffer logits, int[] wanted) : StepResults
{
    private readonly int[] _place = [.. wanted.Select((_, slice) => wanted.Take(slice).Count(row => row >= 0))];

    public override int? Drawn(int slice) => null;

    public override Span<float> Logits(int slice) => wanted[slice] >= 0
        ? logits.Span(_place[slice])
        : throw new InvalidOperationException($"Slice {slice} of the step didn't want logits.");
}
