using LoraAspire.Model;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Model.Weights;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Gpu;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>Weights on their way from files to where they are computed with, against libtorch's own conversions.</summary>
[Collection(TorchRandom.Name)]
public sealed class WeightReaderTests : IDisposable
{
    /// <summary>Three pieces of the CPU's and some.</summary>
    private const long Rows = 391, Columns = 509;

    private static readonly ScalarType[] s_types = [float64, float32, float16, bfloat16];

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-weights-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Numbers_of_every_type_become_those_of_every_other_on_the_CPU() => AssertConverted(CPU, Rows, Columns);

    [Fact, Trait("Category", "Gpu")]
    public void Numbers_of_every_type_become_those_of_every_other_on_the_GPU()
    {
        GpuModel.Require();
        AssertConverted(CUDA, 3001, 2003); // several pieces of 4 MiB, the last one short
    }

    [Fact]
    public void A_tensor_that_lies_transposed_in_its_file_is_read_too()
    {
        PickleWriter.Zip(Path.Combine(_folder, "pytorch_model.bin"), PickleWriter.Dictionary(items => items
            .Text("a").Tensor("0", "FloatStorage", 6, 0, [3, 2], [1, 3])),
            new Dictionary<string, byte[]> { ["0"] = [.. new float[] { 1, 2, 3, 4, 5, 6 }.SelectMany(BitConverter.GetBytes)] });
        using var files = WeightFiles.Open(_folder);
        using WeightReader reader = new(files, CPU);

        using var read = reader.Now("a", [3, 2], float32);

        Assert.Equal([1, 4, 2, 5, 3, 6], read.data<float>().ToArray());
    }

    [Fact]
    public void A_weight_that_is_missing_or_of_another_shape_is_named_before_anything_is_read()
    {
        Write(bfloat16, Rows, Columns).Dispose();
        using var files = WeightFiles.Open(_folder);
        using WeightReader reader = new(files, CPU);

        Assert.Contains("no tensor 'b'", Assert.Throws<ModelException>(() => reader.Later("b", [2], float32)).Message,
            StringComparison.Ordinal);
        Assert.Contains("[391, 509]", Assert.Throws<ModelException>(() => reader.Later("a", [509, 391], float32)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>A file is checked when it is opened; a copy over it may cut it afterwards.</summary>
    [Fact]
    public void A_file_that_became_shorter_is_named()
    {
        Write(bfloat16, Rows, Columns).Dispose();
        using var files = WeightFiles.Open(_folder);
        using (var cut = File.OpenHandle(Path.Combine(_folder, WeightFiles.Single), FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            RandomAccess.SetLength(cut, 200_000);
        }
        using WeightReader reader = new(files, CPU);

        Action[] ways =
        [
            () => reader.Now("a", [Rows, Columns], float32),
            () => files.Read("a", [Rows, Columns], bfloat16, CPU),
            () => files.Read("a"),
            () => new Nf4().Quantise(files.Numbers("a", [Rows, Columns])!.Value.Read, [Rows, Columns], "a", CPU),
        ];
        Assert.All(ways, way => Assert.EndsWith("model.safetensors became shorter while it was read.",
            Assert.Throws<ModelException>(way).Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(BaseFormat.Int8)]
    [InlineData(BaseFormat.Nf4)]
    public void A_weight_quantised_out_of_its_file_has_the_codes_of_one_that_was_in_memory(BaseFormat format)
    {
        using var written = Write(bfloat16, Rows, Columns);
        using var files = WeightFiles.Open(_folder);
        var how = (PackedQuantisation)Quantisation.Of(format)!;

        using var whole = how.Quantise(written.to_type(float32), "a", CPU);
        using var pieces = how.Quantise(files.Numbers("a", [Rows, Columns])!.Value.Read, [Rows, Columns], "a", CPU);

        Assert.True(whole.Codes.equal(pieces.Codes).all().item<bool>());
        using Tensor expected = whole.Dequantise(float32), given = pieces.Dequantise(float32);
        Assert.True(expected.equal(given).all().item<bool>());
    }

    private void AssertConverted(torch.Device device, long rows, long columns)
    {
        foreach (var stored in s_types)
        {
            using var scope = NewDisposeScope();
            var written = Write(stored, rows, columns);
            using var files = WeightFiles.Open(_folder);
            using WeightReader reader = new(files, device);
            var wanted = s_types[1..];
            Tensor[] read = [.. wanted.Select(type => reader.Later("a", [rows, columns], type))];
            reader.Flush();
            foreach (var (type, numbers) in wanted.Zip(read))
            {
                var expected = written.to_type(type);
                Assert.Equal((type, device.type), (numbers.dtype, numbers.device_type));
                Assert.True(expected.equal(numbers.cpu()).all().item<bool>(), $"{stored} as {type}");
                Assert.True(expected.equal(files.Read("a", [rows, columns], type, CPU)).all().item<bool>(), $"{stored} as {type}");
            }
            Array.ForEach(read, tensor => tensor.Dispose());
        }
    }

    /// <summary>One tensor, "a", as the folder's only one.</summary>
    private Tensor Write(ScalarType type, long rows, long columns)
    {
        var numbers = randn([rows, columns], float64).to_type(type);
        SafetensorsWriter.Write(Path.Combine(_folder, WeightFiles.Single), [TensorSource.Of("a", numbers)]);
        return numbers;
    }
}
