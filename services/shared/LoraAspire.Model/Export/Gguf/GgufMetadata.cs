using System.Text;

namespace LoraAspire.Model.Export.Gguf;

/// <summary>The keys and values at the start of a GGUF file, in the order in which they were added.</summary>
internal sealed class GgufMetadata
{
    /// <summary>Far above any template or token; what is longer comes from a damaged or forged file.</summary>
    private const int LongestText = 1 << 22;

    private enum Kind : uint { UInt32 = 4, Int32 = 5, Float32 = 6, Bool = 7, Text = 8, List = 9 }

    private readonly List<(string Key, Action<BinaryWriter> Write)> _entries = [];

    public int Count => _entries.Count;

    public GgufMetadata Add(string key, uint value) => Add(key, Kind.UInt32, writer => writer.Write(value));

    public GgufMetadata Add(string key, int value) => Add(key, checked((uint)value));

    public GgufMetadata Add(string key, float value) => Add(key, Kind.Float32, writer => writer.Write(value));

    public GgufMetadata Add(string key, bool value) => Add(key, Kind.Bool, writer => writer.Write(value));

    /// <exception cref="ModelException">The text is too long.</exception>
    public GgufMetadata Add(string key, string value)
    {
        var bytes = Utf8(key, value);
        return Add(key, Kind.Text, writer => WriteText(writer, bytes));
    }

    public GgufMetadata Add(string key, IReadOnlyList<string> values)
    {
        List<byte[]> texts = [.. values.Select(value => Utf8(key, value))];
        return AddList(key, Kind.Text, texts.Count, writer => texts.ForEach(text => WriteText(writer, text)));
    }

    public GgufMetadata Add(string key, IReadOnlyList<float> values) => AddList(key, Kind.Float32, values.Count, writer =>
    {
        foreach (var value in values)
        {
            writer.Write(value);
        }
    });

    public GgufMetadata Add(string key, IReadOnlyList<int> values) => AddList(key, Kind.Int32, values.Count, writer =>
    {
        foreach (var value in values)
        {
            writer.Write(value);
        }
    });

    public void Write(BinaryWriter writer)
    {
        foreach (var (key, write) in _entries)
        {
            WriteText(writer, Encoding.UTF8.GetBytes(key));
            write(writer);
        }
    }

    public static void WriteText(BinaryWriter writer, byte[] utf8)
    {
        writer.Write((ulong)utf8.Length);
        writer.Write(utf8);
    }

    private GgufMetadata AddList(string key, Kind kind, int count, Action<BinaryWriter> write) => Add(key, Kind.List, writer =>
    {
        writer.Write((uint)kind);
        writer.Write((ulong)count);
        write(writer);
    });

    private GgufMetadata Add(string key, Kind kind, Action<BinaryWriter> write)
    {
        _entries.Add((key, writer =>
        {
            writer.Write((uint)kind);
            write(writer);
        }
        ));
        return this;
    }

    private static byte[] Utf8(string key, string value) => value.Length <= LongestText ? Encoding.UTF8.GetBytes(value)
        : throw new ModelException($"{key} would be {value.Length} characters long; the longest that is exported is {LongestText}.");
}
