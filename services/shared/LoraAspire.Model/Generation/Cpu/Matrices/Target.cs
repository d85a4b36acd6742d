using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LoraAspire.Model.Generation.Cpu.Matrices;

/// <summary>Where the results of a product go: row r's output o to Start[r · Stride + o].</summary>
/// <param name="Bias">Per output, or null.</param>
/// <param name="Scale">Results are multiplied by it and added to what is there; 0 writes them as they are.</param>
internal readonly unsafe record struct Target(nint Start, int Stride, nint Bias = 0, float Scale = 0)
{
    /// <summary>The target whose row 0 is this one's row <paramref name="first"/>.</summary>
    public Target From(int first) => this with { Start = Start + (nint)((long)first * Stride * sizeof(float)) };

    /// <summary>The target whose output 0 is this one's output <paramref name="output"/>.</summary>
    public Target At(int output) => this with
    {
        Start = Start + (output * sizeof(float)),
        Bias = Bias == 0 ? 0 : Bias + (output * sizeof(float)),
    };

    /// <summary>Takes four results of each row: of outputs o to o + 3, of which those from <paramref name="end"/> on are none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put(int row, int rows, int o, int end, float* results)
    {
        for (var i = 0; i < rows; i++)
        {
            var to = (float*)Start + ((long)(row + i) * Stride) + o;
            var sums = Vector128.Load(results + (4 * i));
            if (o + 4 > end)
            {
                PutSome(to, o, end - o, sums);
                continue;
            }
            sums = Bias == 0 ? sums : sums + Vector128.Load((float*)Bias + o);
            (Scale == 0 ? sums : Vector128.MultiplyAddEstimate(sums, Vector128.Create(Scale), Vector128.Load(to))).Store(to);
        }
    }

    private void PutSome(float* to, int o, int count, Vector128<float> sums)
    {
        var bias = stackalloc float[4];
        var old = stackalloc float[4];
        for (var i = 0; i < count; i++)
        {
            bias[i] = Bias == 0 ? 0 : ((float*)Bias)[o + i];
            old[i] = to[i];
        }
        sums = Bias == 0 ? sums : sums + Vector128.Load(bias);
        sums = Scale == 0 ? sums : Vector128.MultiplyAddEstimate(sums, Vector128.Create(Scale), Vector128.Load(old));
        for (var i = 0; i < count; i++)
        {
            to[i] = sums[i];
        }
    }
}
