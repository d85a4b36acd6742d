using LoraAspire.Model.Adapters;
using LoraAspire.Model.Fit;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Quantised;

/// <summary>
/// What a base in NF4 takes of the host's memory: while it is loaded one tensor beside its codes, in training its largest stack of layers
/// as numbers. From a synthetic base of 155 million weights to one of seven thousand million only those two grow with a layer's width.
/// </summary>
[Collection(TorchRandom.Name)] // alone, so that no other test's memory counts
public sealed class QuantizedMemoryTests(ITestOutputHelper output) : IDisposable
{
    /// <summary>The largest tensor has 46 MB as float32: malloc gives such back at once.</summary>
    private static readonly ModelConfig s_config = TinyModel.Config with
    {
        VocabSize = 256,
        HiddenSize = 2048,
        IntermediateSize = 5632,
        NumHiddenLayers = 3,
        NumAttentionHeads = 16,
        NumKeyValueHeads = 16,
        HeadDim = 128,
        InitializerRange = 0.02,
        SlidingWindow = new int?[3],
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-quantized-memory-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_base_in_NF4_takes_half_a_byte_a_weight()
    {
        const long Linears = 3L * ((4 * 2048 * 2048) + (3 * 2048 * 5632));
        using (var made = LlamaModel.Initialize(s_config, CPU, bfloat16, seed: 1))
        {
            TinyModel.Save(made, _folder);
        }
        GC.Collect();
        var before = Reset();

        using var model = LlamaModel.LoadFrozen(_folder, CPU, float32, new Nf4());
        var (loaded, held) = (Status("VmHWM") - before, Status("VmRSS") - before);
        Assert.Equal((Linears / 2) + (Linears / 64) + (Linears / 64 / 256 * 4),
            model.Linears.Sum(linear => ((PackedWeight)linear.Quantised!).Bytes));

        Reset();
        LoraConfig lora = new(8, 16, 0, ["q_proj", "v_proj"]);
        model.AttachFresh(lora, seed: 1);
        using var parameters = ParameterSet.OfAdapters(model);
        using var objective = new Objective(model, lowMemory: true);
        objective.BeginStep();
        int[] ids = [.. Enumerable.Range(3, 32)];
        objective.Backward(new MicroBatch([new TrainingRow(ids, ids, 1.0 / 31)]), seed: 0).Dispose();
        objective.EndStep();
        var trained = Status("VmHWM") - before;

        output.WriteLine($"{Linears:N0} weights: peak {loaded / (double)Linears:0.00} bytes a weight while loading, "
            + $"{held / (double)Linears:0.00} held, {trained / (double)Linears:0.00} in a step; bfloat16 has 2, float32 4");
        // Said, not held to a bound: what the collector and other tests leave in this process differs by tens of MB from run to run.
        // Of the real shape the same arithmetic gives what fits into 24 GiB with room to spare.
        var real = Footprint.Of(new(TinyModel.Llama7B, lora, OnGpu: false), BaseFormat.Nf4, recompute: true, tokens: 2048);
        Assert.InRange(real.Total, 5L << 30, 12L << 30);
    }

    /// <summary>The peak counts from here.</summary>
    private static long Reset()
    {
        File.WriteAllText("/proc/self/clear_refs", "5");
        return Status("VmRSS");
    }

    private static long Status(string field) => long.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith(field + ":", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]) << 10;
}
