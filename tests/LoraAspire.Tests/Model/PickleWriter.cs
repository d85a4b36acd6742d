using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace LoraAspire.Tests.Model;

/// <summary>Writes pickles opcode by opcode, and the two files that torch.save would put around them.</summary>
internal sealed class PickleWriter
{
    private readonly MemoryStream _bytes = new();

    public byte[] Done() => [.. _bytes.ToArray(), (byte)'.'];

    public PickleWriter Op(params byte[] bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public PickleWriter Op(char opcode) => Op((byte)opcode);

    public PickleWriter Protocol(byte protocol = 2) => Op(0x80, protocol);

    public PickleWriter Global(string module, string name) => Op([(byte)'c', .. Encoding.UTF8.GetBytes($"{module}\n{name}\n")]);

    public PickleWriter Text(string text) => Op([(byte)'X', .. Little(Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)]);

    public PickleWriter Number(long value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return Op([0x8a, 8, .. bytes]);
    }

    public PickleWriter Tuple(params IEnumerable<long> values)
    {
        Op('(');
        foreach (var value in values)
        {
            Number(value);
        }
        return Op('t');
    }

    /// <summary>_rebuild_tensor_v2(storage, offset, shape, strides, False, OrderedDict()).</summary>
    public PickleWriter Tensor(string key, string type, long elements, long offset, long[] shape, long[] strides) =>
        Global("torch._utils", "_rebuild_tensor_v2").Op('(')
            .Op('(').Text("storage").Global("torch", type).Text(key).Text("cpu").Number(elements).Op('t').Op('Q')
            .Number(offset).Tuple(shape).Tuple(strides).Op(0x89).Global("collections", "OrderedDict").Op(')').Op('R').Op('t').Op('R');

    /// <summary>A state dict of the tensors that <paramref name="items"/> writes, each behind its name.</summary>
    public static byte[] Dictionary(Action<PickleWriter> items)
    {
        var writer = new PickleWriter().Protocol().Op('}').Op('(');
        items(writer);
        return writer.Op('u').Done();
    }

    public static void Zip(string path, byte[] pickle, IReadOnlyDictionary<string, byte[]> storages,
        CompressionLevel level = CompressionLevel.NoCompression)
    {
        using var archive = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        foreach (var (name, bytes) in storages.Select(storage => ($"data/{storage.Key}", storage.Value)).Prepend(("data.pkl", pickle)))
        {
            using var entry = archive.CreateEntry("archive/" + name, level).Open();
            entry.Write(bytes);
        }
    }

    /// <summary>Stored entries whose sizes and places stand in zip64 fields alone.</summary>
    public static byte[] Zip64(params IReadOnlyList<(string Name, byte[] Bytes)> entries)
    {
        var file = new MemoryStream();
        var directory = new MemoryStream();
        using var writer = new BinaryWriter(file);
        using var central = new BinaryWriter(directory);
        foreach (var (name, bytes) in entries)
        {
            long header = file.Position, length = bytes.Length;
            var utf8 = Encoding.UTF8.GetBytes(name);
            Fields(writer, (4, 0x04034b50), (2, 45), (2, 0), (2, 0), (4, 0), (4, 0), (4, uint.MaxValue), (4, uint.MaxValue),
                (2, utf8.Length), (2, 20));
            writer.Write(utf8);
            Fields(writer, (2, 1), (2, 16), (8, length), (8, length));
            writer.Write(bytes);
            Fields(central, (4, 0x02014b50), (2, 45), (2, 45), (2, 0), (2, 0), (4, 0), (4, 0), (4, uint.MaxValue), (4, uint.MaxValue),
                (2, utf8.Length), (2, 32),
                (2, 0), (2, 0), (2, 0), (4, 0), (4, uint.MaxValue));
            central.Write(utf8);
            // torch pads with an extra field "FB" before
            Fields(central, (2, 0x4646), (2, 0), (2, 1), (2, 24), (8, length), (8, length), (8, header));
        }
        long start = file.Position, size = directory.Length;
        writer.Write(directory.ToArray());
        var end = file.Position;
        Fields(writer, (4, 0x06064b50), (8, 44), (2, 45), (2, 45), (4, 0), (4, 0), (8, entries.Count), (8, entries.Count), (8, size),
            (8, start));
        Fields(writer, (4, 0x07064b50), (4, 0), (8, end), (4, 1));
        Fields(writer, (4, 0x06054b50), (2, 0), (2, 0), (2, ushort.MaxValue), (2, ushort.MaxValue), (4, uint.MaxValue), (4, uint.MaxValue),
            (2, 0));
        return file.ToArray();
    }

    private static void Fields(BinaryWriter writer, params (int Bytes, long Value)[] fields)
    {
        foreach (var (bytes, value) in fields)
        {
            writer.Write(BitConverter.GetBytes(value).AsSpan(0, bytes));
        }
    }

    /// <summary>The format before torch 1.6: pickles one after another, then each storage behind its count of elements.</summary>
    public static void Legacy(string path, byte[] pickle, params IReadOnlyList<(string Key, long Elements, byte[] Bytes)> storages)
    {
        using var file = File.Create(path);
        file.Write(new PickleWriter().Protocol().Op(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19).Done());
        file.Write(new PickleWriter().Protocol().Number(1001).Done());
        file.Write(new PickleWriter().Protocol().Op('}').Text("little_endian").Op(0x88).Op('s').Done());
        file.Write(pickle);
        var keys = new PickleWriter().Protocol().Op(']').Op('(');
        foreach (var (key, _, _) in storages)
        {
            keys.Text(key);
        }
        file.Write(keys.Op('e').Done());
        foreach (var (_, elements, bytes) in storages)
        {
            file.Write(BitConverter.GetBytes(elements));
            file.Write(bytes);
        }
    }

    private static byte[] Little(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }
}
