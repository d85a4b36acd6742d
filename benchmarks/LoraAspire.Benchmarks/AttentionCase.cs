using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks;

/// <summary>Attention's backward and what turns its gradients back, each way of it on rows of uneven lengths and of one.</summary>
internal static class AttentionCase
{
    public static IEnumerable<KernelCase> All() =>
    [
        Of(8, 8, 128, Enumerable.Repeat(512, 4)),
        Of(4, 4, 128, [17, 130, 64, 255, 1, 700, 128, 63, 65]),
        Of(8, 2, 128, [300, 77, 129, 512]),
        Of(6, 3, 64, [190, 256, 64, 401]),
        Of(2, 2, 128, [2049, 30]), // longer than the kernels of our own are for
        Of(4, 2, 64, [100, 30], window: 40),
    ];

    private static KernelCase Of(int heads, int keyHeads, int dim, IEnumerable<int> lengths, int? window = null)
    {
        int[] all = [.. lengths];
        var layout = new HeadLayout(heads, keyHeads, dim, window);
        TrainingRow[] rows = [.. all.Select(length => new TrainingRow(new int[length], new int[length], 1))];
        Tensor qkv = randn([all.Sum(), (heads + (2 * keyHeads)) * dim], bfloat16, CUDA);
        var gradient = randn([all.Sum(), heads * dim], bfloat16, CUDA);
        var angles = outer(arange(all.Max(), float32, CUDA), randn([dim / 2], float32, CUDA));
        var both = cat([angles, angles], -1);
        Tensor cos = both.cos(), sin = both.sin();
        return new($"attention turned back, {heads} and {keyHeads} heads of {dim}, {all.Length} rows up to {all.Max()}", given =>
        {
            var k = given is TorchKernels ? new PlainKernels() : given; // of the CPU's operators attention has none on a GPU
            FusedPass pass = new(PackedRows.From(rows, CUDA, k.EvenRows, int.MaxValue), cos, sin, null);
            var forward = k.Attention(qkv, layout, pass.Rows);
            if (k.AttentionTurnedBack(gradient, qkv, layout, pass, forward) is { } whole)
            {
                return [whole];
            }
            var (dq, dk, dv) = k.AttentionBackward(gradient, qkv, layout, pass.Rows, forward);
            return [k.RopeBackward(dq, dk, dv, layout, pass.Rows.Positions, cos, sin, Form.Plain).Wide!];
        });
    }
}
