using System.Text;
using LoraAspire.Model;
using LoraAspire.Model.Weights;
using LoraAspire.Tests.Model;
using static TorchSharp.torch;

namespace LoraAspire.Fuzz.Targets;

/// <summary>Weights: safetensors, torch's pickles, and the index of shards.</summary>
internal static class WeightTargets
{
    private const string Header =
        """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":["""
            + """4],"data_offsets":[24,32]},"c":{"dtype":"I64","shape":[],"data_offsets":[32,40]}}""";

    private static readonly byte[] Data = [.. Enumerable.Range(0, 40).Select(value => (byte)value)];

    public static IEnumerable<Target> In(Scratch scratch)
    {
        var folder = scratch.Folder("weights");
        string[] words = ["\"dtype\":\"F64\"", "\"shape\":[]", "\"shape\":[9223372036854775807,4]", "\"data_offsets\":[0,0]",
            "\"__metadata__\":3", .. AllTargets.JsonWords];
        yield return new("safetensors", () => [Safetensors(Encoding.UTF8.GetBytes(Header))],
            bytes => ReadAll(Scratch.Write(folder, "a.safetensors", bytes)), typeof(ModelException))
        { Words = words };
        // The header by itself, with the length that belongs to it: else most inputs end at the first eight bytes.
        yield return new("safetensors-header", () => [AllTargets.Utf8(Header)],
            bytes => ReadAll(Scratch.Write(folder, "b.safetensors", Safetensors(bytes))), typeof(ModelException))
        { Words = words };
        yield return new("pickle", () => [Pickle()], bytes =>
        {
            var path = Path.Combine(folder, "p.bin");
            PickleWriter.Zip(path, bytes, Storages);
            ReadAll(path);
        }, typeof(ModelException))
        { Words = ["ctorch._utils\n_rebuild_tensor_v2\n", "cos\nsystem\n", "\u0080\u0002", "(", "t", "R", "b", "h\0", "q\0"] };
        yield return new("pickle-zip", () => [ZipFile(folder),
            PickleWriter.Zip64(("archive/data.pkl", Pickle()), ("archive/data/0", Data[..24]), ("archive/data/1", Data[..16]))],
            bytes => ReadAll(Scratch.Write(folder, "z.bin", bytes)), typeof(ModelException));
        yield return new("pickle-legacy", () => [LegacyFile(folder)], bytes => ReadAll(Scratch.Write(folder, "l.bin", bytes)),
            typeof(ModelException));
        yield return new("weight-index",
            () => [AllTargets.Utf8(
                """{"metadata": {"total_size": 40}, "weight_map": {"a": "x.safetensors", "b": "x.safetensors", "c": "x.safetensors"}}""")],
                bytes =>
        {
            var model = Directory.CreateDirectory(Path.Combine(folder, "sharded")).FullName;
            Scratch.Write(model, "x.safetensors", Safetensors(Encoding.UTF8.GetBytes(Header)));
            Scratch.Write(model, WeightFiles.Index, bytes);
            WeightFiles.Open(model).Dispose();
        }, typeof(ModelException))
        { Words = [.. AllTargets.JsonWords, "\"..\"", "\"../x\"", "\"/etc/passwd\"", "\"x\\u0000\""] };
    }

    private static void ReadAll(string path)
    {
        using var file = TensorFile.Open(path);
        foreach (var name in file.Tensors.Keys)
        {
            using var scope = NewDisposeScope();
            file.Read(name);
        }
    }

    private static byte[] Safetensors(byte[] header) => [.. BitConverter.GetBytes((ulong)header.Length), .. header, .. Data];

    private static readonly Dictionary<string, byte[]> Storages = new() { ["0"] = Data[..24], ["1"] = Data[..16] };

    private static byte[] Pickle() => PickleWriter.Dictionary(items => items
        .Text("whole").Tensor("0", "FloatStorage", 6, 0, [2, 3], [3, 1])
        .Text("transposed").Tensor("0", "FloatStorage", 6, 0, [3, 2], [1, 3])
        .Text("long").Global("torch._utils", "_rebuild_parameter").Op('(').Tensor("1", "LongStorage", 2, 0, [2], [1]).Op(0x88).Op(')')
        .Op('t').Op('R'));

    private static byte[] ZipFile(string folder)
    {
        var path = Path.Combine(folder, "whole.bin");
        PickleWriter.Zip(path, Pickle(), Storages);
        return File.ReadAllBytes(path);
    }

    private static byte[] LegacyFile(string folder)
    {
        var path = Path.Combine(folder, "whole-legacy.bin");
        PickleWriter.Legacy(path, Pickle(), ("0", 6, Data[..24]), ("1", 2, Data[..16]));
        return File.ReadAllBytes(path);
    }
}
