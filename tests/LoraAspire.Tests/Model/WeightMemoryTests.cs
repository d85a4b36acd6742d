using LoraAspire.Model.Weights;
using LoraAspire.Tests.Goldens;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

[Collection(TorchRandom.Name)] // alone, so that no other test's memory counts
public sealed class WeightMemoryTests(ITestOutputHelper output) : IDisposable
{
    private const int Tensors = 6;
    /// <summary>
    /// Above the size from which malloc gives memory back at once (32 MiB), so that what others freed before isn't taken again unseen.
    /// </summary>
    private const long TensorBytes = 48 << 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-memory-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(WeightFiles.Single)]
    [InlineData("pytorch_model.bin")]
    public void Reading_weights_takes_their_size_and_that_of_one_tensor(string name)
    {
        var path = Path.Combine(_folder, name);
        var names = Enumerable.Range(0, Tensors).Select(i => $"w{i}").ToList();
        if (name.EndsWith(".bin", StringComparison.Ordinal))
        {
            var zeros = new byte[TensorBytes];
            PickleWriter.Zip(path, PickleWriter.Dictionary(items =>
            {
                foreach (var weight in names)
                {
                    items.Text(weight).Tensor(weight, "FloatStorage", TensorBytes / 4, 0, [TensorBytes / 4], [1]);
                }
            }), names.ToDictionary(weight => weight, _ => zeros));
        }
        else
        {
            SafetensorsWriter.Write(path, names.Select(
                weight => new TensorSource(weight, ScalarType.Float32, [TensorBytes / 4], () => torch.zeros(TensorBytes / 4, float32))));
        }
        // What other tests left may be given back while the weights are read, and what the process keeps for itself may grow: the
        // first adds to a reading, the second takes from it. So the least of a few is held from above, and the most of them from
        // below, which shows only that weights are seen at all.
        var peaks = Enumerable.Range(0, 3).Select(_ => Peak(names)).ToList();

        var size = Tensors * TensorBytes;
        output.WriteLine($"{name}: {size >> 20} MiB of weights, peaks of {string.Join(", ", peaks.Select(peak => peak >> 20))} MiB");
        Assert.True(peaks.Min() <= size + (2.5 * TensorBytes), $"the least of {string.Join(", ", peaks)} is above {size} + 2.5 tensors");
        Assert.True(peaks.Max() >= 0.9 * size, $"the most of {string.Join(", ", peaks)} is below {size}");
    }

    /// <summary>How far above what is left once the weights are gone the memory in use rose, bytes.</summary>
    private long Peak(List<string> names)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers(); // tensors that nobody disposed of
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        File.WriteAllText("/proc/self/clear_refs", "5"); // the peak counts from here
        using (var weights = WeightFiles.Open(_folder))
        {
            names.Select(weight => weights.Read(weight, [TensorBytes / 4], float32, CPU)).ToList().ForEach(tensor => tensor.Dispose());
        }
        return Status("VmHWM") - Status("VmRSS");
    }

    private static long Status(string field) => long.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith(field + ":", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]) << 10;
}
