using System.Buffers.Binary;
using System.Text.Json;

namespace LoraAspire.Model.Weights;

/// <summary>
/// A safetensors file, memory-mapped: 8 bytes of header length, a JSON header, then the tensors' bytes without holes.
/// Everything the header says is checked against the file before a byte of it is used.
/// </summary>
public sealed class SafetensorsFile : TensorFile
{
    /// <summary>The format's own limit on the header.</summary>
    private const long MaxHeaderBytes = 100_000_000;

    /// <summary>torch's own limit.</summary>
    private const int MaxDimensions = 64;

    private SafetensorsFile(string path, IReadOnlyDictionary<string, TensorEntry> tensors, IReadOnlyDictionary<string, string> metadata)
        : base(path, tensors) => Metadata = metadata;

    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <exception cref="ModelException">Missing, truncated, or a header that doesn't match the file.</exception>
    public static new SafetensorsFile Open(string path)
    {
        if (!File.Exists(path))
        {
            throw new ModelException($"No file {path}.");
        }
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        var size = stream.Length;
        Span<byte> prefix = stackalloc byte[8];
        if (size < prefix.Length || stream.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false) < prefix.Length)
        {
            throw new ModelException(
                $"{path}: {size} bytes is too short for a safetensors file. The download or copy broke off: fetch it again.");
        }
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > MaxHeaderBytes || (long)headerLength > size - prefix.Length)
        {
            throw new ModelException($"{path}: says its header has {headerLength} bytes, but the file has {size}. It is truncated or not "
                + "a safetensors file: fetch it again.");
        }
        var header = new byte[(int)headerLength];
        stream.ReadExactly(header);
        var (tensors, metadata) = ReadHeader(path, header, prefix.Length + (long)headerLength, size);
        return new SafetensorsFile(path, tensors, metadata);
    }

    private static (Dictionary<string, TensorEntry>, Dictionary<string, string>) ReadHeader(string path, byte[] header, long dataStart,
        long size)
    {
        try
        {
            using var document = JsonDocument.Parse(header);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new ModelException($"{path}: the header is not a JSON object.");
            }
            var tensors = new Dictionary<string, TensorEntry>(StringComparer.Ordinal);
            var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.Name == "__metadata__")
                {
                    foreach (var pair in property.Value.EnumerateObject())
                    {
                        metadata[pair.Name] = pair.Value.ToString();
                    }
                }
                else if (!tensors.TryAdd(property.Name, ReadEntry(path, property.Name, property.Value, dataStart)))
                {
                    throw new ModelException($"{path}: tensor '{property.Name}' appears twice in the header.");
                }
            }
            CheckLayout(path, tensors.Values, dataStart, size);
            return (tensors, metadata);
        }
        // Metadata that is no object, and names with half a character in them, are found when they are taken out.
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new ModelException($"{path}: the header is not valid JSON: {error.Message} The file is damaged: fetch it again.", error);
        }
    }

    private static TensorEntry ReadEntry(string path, string name, JsonElement entry, long dataStart)
    {
        try
        {
            var dtype = ElementTypes.Parse(entry.GetProperty("dtype").GetString()!)
                ?? throw new ModelException($"{path}: tensor '{name}' has type {entry.GetProperty("dtype")}, which is not supported.");
            long[] shape = [.. entry.GetProperty("shape").EnumerateArray().Select(item => item.GetInt64())];
            long[] offsets = [.. entry.GetProperty("data_offsets").EnumerateArray().Select(item => item.GetInt64())];
            var bytes = shape.Aggregate((long)ElementTypes.Size(dtype), (product, dimension) => checked(product * dimension));
            if (shape.Length > MaxDimensions)
            {
                throw new ModelException($"{path}: tensor '{name}' has {shape.Length} dimensions; tensors have {MaxDimensions} at most. "
                    + "The file is damaged: fetch it again.");
            }
            if (offsets is not [>= 0, var end] || shape.Any(dimension => dimension < 0) || end - offsets[0] != bytes)
            {
                throw new ModelException($"{path}: tensor '{name}' of shape [{string.Join(", ", shape)}] needs {bytes} bytes, but its "
                    + $"data_offsets are [{string.Join(", ", offsets)}]. The header is wrong: fetch the file again.");
            }
            return new TensorEntry(name, dtype, shape, dataStart + offsets[0], bytes);
        }
        catch (Exception error) when (error is KeyNotFoundException or InvalidOperationException or FormatException or OverflowException)
        {
            throw new ModelException($"{path}: the header's entry for tensor '{name}' is malformed. The file is damaged: fetch it again.",
                error);
        }
    }

    /// <summary>The tensors must cover the data section exactly: no hole, no overlap, nothing behind the file's end.</summary>
    private static void CheckLayout(string path, IEnumerable<TensorEntry> tensors, long dataStart, long size)
    {
        var expected = dataStart;
        foreach (var entry in tensors.OrderBy(entry => entry.Offset).ThenBy(entry => entry.Length))
        {
            if (entry.Offset + entry.Length > size)
            {
                throw new ModelException($"{path}: tensor '{entry.Name}' ends at byte {entry.Offset + entry.Length}, but the file "
                    + $"has {size}. It is truncated: fetch it again.");
            }
            if (entry.Offset != expected)
            {
                throw new ModelException($"{path}: tensor '{entry.Name}' starts at byte {entry.Offset}, where {expected} was expected: "
                    + "the header's offsets overlap or leave holes.");
            }
            expected += entry.Length;
        }
        if (expected != size)
        {
            throw new ModelException($"{path}: {size - expected} bytes follow the last tensor. The header doesn't belong to this file.");
        }
    }
}
