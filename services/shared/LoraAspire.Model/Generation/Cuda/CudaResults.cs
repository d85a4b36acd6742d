using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Native;

namespace LoraAspire.Model.Generation.Cuda;

/// <summary>Drawn tokens are here already; a row of logits comes over when it is asked for.</summary>
internal sealed unsafe class CudaResults : StepResults
{
    private readonly CudaQueue _queue;
    private readonly StepPlan _plan;
    private readonly int[] _drawn;
    private readonly nint _logits;
    private readonly int _vocabulary;
    private readonly Dictionary<int, float[]> _rows = [];

    public CudaResults(CudaQueue queue, StepPlan plan, ReadOnlySpan<int> drawn, nint logits, int vocabulary) =>
        (_queue, _plan, _drawn, _logits, _vocabulary) =
            (queue, plan, plan.HasDraws ? drawn[..plan.Layout.Results].ToArray() : [], logits, vocabulary);

    public override int? Drawn(int slice) => _plan.Draws(slice) ? _drawn[_plan.Results[slice]] : null;

    public override Span<float> Logits(int slice)
    {
        if (!_rows.TryGetValue(slice, out var row))
        {
            var result = _plan.Results[slice] is >= 0 and var index ? index
                : throw new InvalidOperationException($"Slice {slice} didn't ask for logits.");
            CudaQueue.Enter();
            row = GC.AllocateUninitializedArray<float>(_vocabulary);
            fixed (float* to = row)
            {
                _queue.ToHost((nint)to, _logits + (nint)((long)result * _vocabulary * sizeof(float)), _vocabulary * sizeof(float));
                _queue.Wait();
            }
            _rows[slice] = row;
        }
        return row;
    }
}
