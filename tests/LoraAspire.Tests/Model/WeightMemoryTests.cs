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
        GC.Collect();
        File.WriteAllText("/proc/self/clear_refs", "5"); // the peak counts from here
        var before = Status("VmRSS");

        using var weights = WeightFiles.Open(_folder);
        var read = names.Select(weight => weights.Read(weight, [TensorBytes / 4], float32, CPU)).ToList();
        var highest = Status("VmHWM");
        read.ForEach(tensor => tensor.Dispose());
        // What was there before may have been given back while the weights were read (the collector does so in its own time):
        // what is left once they are gone was surely not theirs.
        var peak = highest - Math.Min(before, Status("VmRSS"));

        var size = Tensors * TensorBytes;
        output.WriteLine($"{name}: {size >> 20} MiB of weights, peak {peak >> 20} MiB: {(double)peak / size:0.00} of the file");
        Assert.InRange(peak, 0.9 * size, size + (2.5 * TensorBytes));
    }

    private static long Status(string field) => long.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith(field + ":", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]) << 10;
}
