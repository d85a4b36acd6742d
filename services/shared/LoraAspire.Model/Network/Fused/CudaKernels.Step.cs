using System.Runtime.InteropServices;
using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>What a step begins and ends with: one kernel instead of hundreds, each of which takes longer to start than to run.</summary>
internal sealed unsafe partial class CudaKernels
{
    private const int BlocksOfCopy = 16;

    /// <summary>As kernels.cu has it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct CopyWork
    {
        public ulong From, To;
        public long FromRow, FromColumn, ToRow;
        public int Rows, Columns, Adds, Unused;
    }

    public override void Copy(IReadOnlyList<StepCopy> copies)
    {
        if (copies.Count == 0)
        {
            return;
        }
        using var scope = NewDisposeScope();
        var host = empty([copies.Count * sizeof(CopyWork)], uint8);
        var works = new Span<CopyWork>((void*)Aten.Data(host), copies.Count);
        foreach (var (index, copy) in copies.Index())
        {
            works[index] = Work(copy);
        }
        _program.Launch("stepCopies", (BlocksOfCopy, copies.Count), 256, [At(host.Sent(copies[0].To.device))]);
    }

    private static CopyWork Work(StepCopy copy)
    {
        var (from, to, adds) = copy;
        if (to.stride(1) != 1 || from is not null && (from.dtype != float32 || adds != (to.dtype == float32)))
        {
            throw new ArgumentException($"{from?.dtype} to {to.dtype}: a step copies float32 into bfloat16, or adds it to float32.");
        }
        return new CopyWork
        {
            From = At(from),
            To = At(to),
            FromRow = from?.stride(0) ?? 0,
            FromColumn = from?.stride(1) ?? 0,
            ToRow = to.stride(0),
            Rows = (int)to.size(0),
            Columns = (int)to.size(1),
            Adds = adds ? 1 : 0,
        };
    }
}
