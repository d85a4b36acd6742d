using System.Text;

namespace LoraAspire.ExportTests;

/// <summary>The list of tensors of a GGUF file, read by the format's description alone.</summary>
internal sealed class GgufReader
{
    private readonly byte[] _bytes;
    private readonly long _start;

    public GgufReader(string path)
    {
        _bytes = File.ReadAllBytes(path);
        using BinaryReader reader = new(new MemoryStream(_bytes));
        Assert.Equal("GGUF", Encoding.ASCII.GetString(reader.ReadBytes(4)));
        Assert.Equal(3u, reader.ReadUInt32());
        var (tensors, entries) = (reader.ReadInt64(), reader.ReadInt64());
        for (var i = 0; i < entries; i++)
        {
            var key = Text(reader);
            Metadata[key] = Value(reader, reader.ReadUInt32());
        }
        for (var i = 0; i < tensors; i++)
        {
            var name = Text(reader);
            var shape = Enumerable.Range(0, reader.ReadInt32()).Select(_ => reader.ReadInt64()).ToArray();
            Tensors[name] = (shape, reader.ReadUInt32(), reader.ReadInt64());
        }
        _start = (reader.BaseStream.Position + 31) / 32 * 32;
    }

    public Dictionary<string, object> Metadata { get; } = [];

    public Dictionary<string, (long[] Shape, uint Type, long Offset)> Tensors { get; } = [];

    public byte[] Bytes(string name)
    {
        var (shape, type, offset) = Tensors[name];
        var numbers = shape.Aggregate(1L, (a, b) => a * b);
        var length = type switch { 0 => numbers * 4, 8 => numbers / 32 * 34, 2 => numbers / 32 * 18, _ => numbers * 2 };
        return _bytes[(int)(_start + offset)..(int)(_start + offset + length)];
    }

    private static string Text(BinaryReader reader) => Encoding.UTF8.GetString(reader.ReadBytes((int)reader.ReadInt64()));

    private static object Value(BinaryReader reader, uint kind) => kind switch
    {
        4 => reader.ReadUInt32(),
        5 => reader.ReadInt32(),
        6 => reader.ReadSingle(),
        7 => reader.ReadBoolean(),
        8 => Text(reader),
        9 => List(reader, reader.ReadUInt32()),
        _ => throw new InvalidDataException($"kind {kind}"),
    };

    private static object[] List(BinaryReader reader, uint kind) =>
        [.. Enumerable.Range(0, (int)reader.ReadInt64()).Select(_ => Value(reader, kind))];
}
