using System.IO.Compression;
using System.Runtime.InteropServices;
using LoraAspire.Model;
using LoraAspire.Model.Weights;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>Files of torch.save, whole and hostile; the bytes are made here.</summary>
public sealed class TorchFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-pickle-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string At(string name = "pytorch_model.bin") => Path.Combine(_folder, name);

    private static byte[] Floats(params float[] values) => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();

    private static readonly byte[] Six = Floats(1, 2, 3, 4, 5, 6);

    [Fact]
    public void Tensors_of_one_storage_are_read_with_their_offsets_and_strides()
    {
        PickleWriter.Zip(At(), PickleWriter.Dictionary(items => items
            .Text("whole").Tensor("0", "FloatStorage", 6, 0, [2, 3], [3, 1])
            .Text("tail").Tensor("0", "FloatStorage", 6, 4, [2], [1])
            .Text("transposed").Tensor("0", "FloatStorage", 6, 0, [3, 2], [1, 3])
            .Text("column").Tensor("0", "FloatStorage", 6, 1, [2], [3])
            .Text("scalar").Tensor("0", "FloatStorage", 6, 5, [], [])
            .Text("empty").Tensor("0", "FloatStorage", 6, 6, [0, 3], [3, 1])), new Dictionary<string, byte[]> { ["0"] = Six });

        using var file = TensorFile.Open(At());

        AssertTensor(file, "whole", [2, 3], 1, 2, 3, 4, 5, 6);
        AssertTensor(file, "tail", [2], 5, 6);
        AssertTensor(file, "transposed", [3, 2], 1, 4, 2, 5, 3, 6);
        AssertTensor(file, "column", [2], 2, 5);
        AssertTensor(file, "scalar", [], 6);
        AssertTensor(file, "empty", [0, 3]);
    }

    [Fact]
    public void Half_and_bfloat16_storages_and_parameters_are_read()
    {
        PickleWriter.Zip(At(), PickleWriter.Dictionary(items => items
            .Text("half").Tensor("a", "HalfStorage", 2, 0, [2], [1])
            .Text("brain").Global("torch._utils", "_rebuild_parameter").Op('(').Tensor("b", "BFloat16Storage", 2, 0, [2], [1]).Op(0x88)
            .Op(')').Op('t').Op('R')),
            new Dictionary<string, byte[]> { ["a"] = [0x00, 0x3c, 0x00, 0xc0], ["b"] = [0x80, 0x3f, 0x40, 0x40] });

        using var file = TensorFile.Open(At());

        Assert.Equal((ScalarType.Float16, ScalarType.BFloat16), (file.Tensors["half"].Dtype, file.Tensors["brain"].Dtype));
        AssertTensor(file, "half", [2], 1, -2);
        AssertTensor(file, "brain", [2], 1, 3);
    }

    [Fact]
    public void The_format_before_torch_1_6_is_read()
    {
        PickleWriter.Legacy(At(), PickleWriter.Dictionary(items => items
            .Text("x").Tensor("77", "FloatStorage", 6, 0, [2, 3], [3, 1])
            .Text("y").Tensor("77", "FloatStorage", 6, 3, [3], [1])
            .Text("z").Tensor("5", "LongStorage", 1, 0, [1], [1])), ("5", 1, BitConverter.GetBytes(9L)), ("77", 6, Six));

        using var file = TensorFile.Open(At());

        AssertTensor(file, "x", [2, 3], 1, 2, 3, 4, 5, 6);
        AssertTensor(file, "y", [3], 4, 5, 6);
        AssertTensor(file, "z", [1], 9);
    }

    [Theory]
    [InlineData("os", "system")]
    [InlineData("posix", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("torch", "load")]
    [InlineData("collections", "defaultdict")]
    public void A_pickle_that_calls_a_function_is_refused_by_its_name(string module, string name)
    {
        var marker = At("executed");
        var pickle = new PickleWriter().Protocol().Global(module, name).Op('(').Text($"touch {marker}").Op('t').Op('R').Done();
        PickleWriter.Zip(At(), pickle, new Dictionary<string, byte[]>());

        AssertRefused($"{module}.{name}");
        PickleWriter.Legacy(At(), pickle);
        AssertRefused($"{module}.{name}");
        Assert.False(File.Exists(marker));
    }

    [Fact]
    public void A_global_named_by_the_stack_is_refused_as_one_named_by_a_line() =>
        AssertPickleRefused(new PickleWriter().Protocol(4).Text("os").Text("system").Op(0x93).Op(')').Op('R').Done(), "os.system");

    [Fact]
    public void Objects_that_are_made_or_changed_are_refused()
    {
        AssertPickleRefused(new PickleWriter().Protocol().Global("os", "environ").Op(')').Op(0x81).Done(), "opcode 0x81");
        AssertPickleRefused(new PickleWriter().Protocol().Global("os", "environ").Op('}').Op('b').Done(), "sets attributes");
        AssertPickleRefused(new PickleWriter().Protocol().Op('(').Text("x").Op([(byte)'i', .. "os\nsystem\n"u8]).Done(), "opcode 0x69");
    }

    [Fact]
    public void Nesting_a_million_deep_ends_in_words_and_not_in_a_full_stack()
    {
        var pickle = new PickleWriter().Protocol();
        for (var i = 0; i < 1_000_000; i++)
        {
            pickle.Op(']');
        }
        for (var i = 1; i < 1_000_000; i++)
        {
            pickle.Op('a');
        }
        AssertPickleRefused(pickle.Done(), "no state dict");
    }

    [Fact]
    public void A_memo_that_is_doubled_again_and_again_takes_no_more_than_its_bytes()
    {
        var pickle = new PickleWriter().Protocol().Op(']').Op((byte)'q', 0);
        for (byte i = 0; i < 100; i++)
        {
            pickle.Op('0').Op('(').Op((byte)'h', i).Op((byte)'h', i).Op('t').Op((byte)'q', (byte)(i + 1));
        }
        AssertPickleRefused(pickle.Done(), "no state dict");
        AssertPickleRefused(new PickleWriter().Protocol().Op('N').Op((byte)'r', 0xff, 0xff, 0xff, 0xff).Done(), "no state dict");
        AssertPickleRefused([.. Enumerable.Repeat((byte)'}', 3_000_000)], "more than 2,000,000 values");
    }

    [Fact]
    public void Lengths_beyond_the_file_are_refused_before_memory_is_taken()
    {
        AssertPickleRefused([0x80, 2, (byte)'X', 0xff, 0xff, 0xff, 0xff, (byte)'x'], "truncated");
        AssertPickleRefused([0x80, 2, (byte)'c', .. Enumerable.Repeat((byte)'a', 5000)], "no short line");
    }

    [Theory]
    [InlineData(6, 0, new long[] { 7 }, new long[] { 1 }, "beyond its storage")]
    [InlineData(6, 4, new long[] { 3 }, new long[] { 1 }, "beyond its storage")]
    [InlineData(6, 0, new long[] { 1L << 40 }, new long[] { 0 }, "beyond its storage")]
    [InlineData(6, 0, new long[] { 1L << 40, 1L << 40 }, new long[] { 0, 0 }, "has an impossible size")]
    [InlineData(6, 0, new long[] { 2 }, new long[] { long.MaxValue }, "impossible size")]
    [InlineData(6, -1, new long[] { 2 }, new long[] { 1 }, "beyond its storage")]
    [InlineData(6, 0, new long[] { -2 }, new long[] { 1 }, "whole numbers from 0")]
    [InlineData(6, 0, new long[] { 2 }, new long[] { -1 }, "whole numbers from 0")]
    [InlineData(6, 0, new long[] { 2, 3 }, new long[] { 1 }, "2 dimensions but 1 strides")]
    [InlineData(7, 0, new long[] { 2 }, new long[] { 1 }, "has 24 bytes, but its pickle says 28")]
    [InlineData((1L << 62) + 6, 0, new long[] { 2 }, new long[] { 1 }, "no storage's")]
    public void A_tensor_that_lies_about_its_size_is_refused(long elements, long offset, long[] shape, long[] strides, string message)
    {
        PickleWriter.Zip(At(),
            PickleWriter.Dictionary(items => items.Text("w").Tensor("0", "FloatStorage", elements, offset, shape, strides)),
            new Dictionary<string, byte[]> { ["0"] = Six });

        AssertRefused(message);
    }

    [Fact]
    public void A_file_cut_at_any_byte_is_refused_with_its_name()
    {
        var pickle = PickleWriter.Dictionary(items => items.Text("w").Tensor("0", "FloatStorage", 6, 0, [6], [1]));
        foreach (var legacy in new[] { false, true })
        {
            if (legacy)
            {
                PickleWriter.Legacy(At(), pickle, ("0", 6, Six));
            }
            else
            {
                PickleWriter.Zip(At(), pickle, new Dictionary<string, byte[]> { ["0"] = Six });
            }
            var whole = File.ReadAllBytes(At());
            for (var length = 0; length < whole.Length; length++)
            {
                File.WriteAllBytes(At(), whole[..length]);
                AssertRefused(At());
            }
        }
    }

    /// <summary>No flipped bit leads to another error than ours; some give another valid file.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_file_with_a_damaged_byte_is_read_or_refused_in_words(bool legacy)
    {
        var pickle = PickleWriter.Dictionary(items => items.Text("w").Tensor("0", "FloatStorage", 6, 0, [2, 3], [3, 1]));
        if (legacy)
        {
            PickleWriter.Legacy(At(), pickle, ("0", 6, Six));
        }
        else
        {
            PickleWriter.Zip(At(), pickle, new Dictionary<string, byte[]> { ["0"] = Six });
        }
        var whole = File.ReadAllBytes(At());
        var (read, refused) = (0, 0);
        foreach (var (index, mask) in Enumerable.Range(0, whole.Length)
            .SelectMany(index => new byte[] { 0x01, 0x04, 0x20, 0x80, 0xff }.Select(mask => (index, mask))))
        {
            var damaged = whole.ToArray();
            damaged[index] ^= mask;
            File.WriteAllBytes(At(), damaged);
            try
            {
                using var file = TensorFile.Open(At());
                foreach (var name in file.Tensors.Keys)
                {
                    file.Read(name).Dispose();
                }
                read++;
            }
            catch (ModelException error)
            {
                Assert.Contains(At(), error.Message, StringComparison.Ordinal);
                refused++;
            }
        }
        Assert.True(read > 100 && refused > 100, $"{read} read, {refused} refused: neither is rare");
    }

    /// <summary>A file of more than 4 GiB says its places in zip64 records; these say small ones.</summary>
    [Fact]
    public void Places_are_read_from_zip64_records_where_the_short_ones_are_all_ones()
    {
        var pickle = PickleWriter.Dictionary(items => items.Text("w").Tensor("0", "FloatStorage", 6, 0, [2, 3], [3, 1]));
        var file = PickleWriter.Zip64(("archive/data.pkl", pickle), ("archive/data/0", Six));
        File.WriteAllBytes(At(), file);

        using (var read = TensorFile.Open(At()))
        {
            AssertTensor(read, "w", [2, 3], 1, 2, 3, 4, 5, 6);
        }
        for (var length = 0; length < file.Length; length++)
        {
            File.WriteAllBytes(At(), file[..length]);
            AssertRefused(At());
        }
    }

    [Fact]
    public void What_is_no_plain_state_dict_is_refused_with_its_key()
    {
        AssertPickleRefused(PickleWriter.Dictionary(items => items.Text("epoch").Number(3)), "'epoch' is not a tensor");
        PickleWriter.Zip(At(), PickleWriter.Dictionary(items => items.Text("w").Tensor("0", "FloatStorage", 6, 0, [6], [1])),
            new Dictionary<string, byte[]> { ["0"] = new byte[4096] }, CompressionLevel.Fastest);
        AssertRefused("compressed");
        PickleWriter.Zip(At(), PickleWriter.Dictionary(items => items.Text("w").Tensor("0", "ComplexFloatStorage", 6, 0, [6], [1])),
            new Dictionary<string, byte[]> { ["0"] = Six });
        AssertRefused("torch.ComplexFloatStorage");
        File.WriteAllText(At(), "<html>not found</html>");
        AssertRefused("neither a zip file nor a pickle");
    }

    public static TheoryData<string> OlderFormats => GoldenFolder.Cases("models", holding: "legacy_format.bin");

    [Theory, MemberData(nameof(OlderFormats)), Trait("Category", "Goldens")]
    public void The_older_format_of_a_golden_model_holds_the_same_weights(string name)
    {
        var folder = GoldenFolder.At(name);
        using TensorFile legacy = TensorFile.Open(Path.Combine(folder, "legacy_format.bin")), plain =
            TensorFile.Open(Path.Combine(folder, WeightFiles.Single));

        Assert.Equal(plain.Tensors.Keys.Order(), legacy.Tensors.Keys.Order());
        Assert.All(plain.Tensors.Keys, weight =>
        {
            using Tensor one = legacy.Read(weight), other = plain.Read(weight);
            Assert.True(one.equal(other).all().item<bool>(), weight);
        });
    }

    private void AssertPickleRefused(byte[] pickle, string message)
    {
        PickleWriter.Zip(At(), pickle, new Dictionary<string, byte[]>());
        AssertRefused(message);
    }

    private void AssertRefused(string message)
    {
        var error = Assert.Throws<ModelException>(() => TensorFile.Open(At()).Dispose());
        Assert.Contains(At(), error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    private static void AssertTensor(TensorFile file, string name, long[] shape, params float[] values)
    {
        using var tensor = file.Read(name);
        Assert.Equal(shape, tensor.shape);
        Assert.Equal(values, values.Length == 0 ? [] : tensor.to_type(float32).data<float>().ToArray());
    }
}
