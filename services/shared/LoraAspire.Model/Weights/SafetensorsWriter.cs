using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace LoraAspire.Model.Weights;

/// <summary>
/// A tensor to be written: its name, type and shape are known before its bytes are made, so that one tensor at a time is in memory.
/// </summary>
public sealed record TensorSource(string Name, ScalarType Dtype, IReadOnlyList<long> Shape, Func<Tensor> Make)
{
    public long Bytes => Shape.Aggregate((long)ElementTypes.Size(Dtype), (product, dimension) => product * dimension);

    public static TensorSource Of(string name, Tensor tensor) => new(name, tensor.dtype, tensor.shape, tensor.alias);
}

/// <summary>Writes safetensors files. Tensors lie in the order of their names, so equal tensors give equal bytes.</summary>
public static class SafetensorsWriter
{
    /// <exception cref="IOException">No space, no permission; the unfinished file is removed.</exception>
    public static void Write(string path, IEnumerable<TensorSource> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal).ToList();
        try
        {
            using var stream = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 20);
            WriteHeader(stream, ordered, metadata ?? new Dictionary<string, string> { ["format"] = "pt" });
            foreach (var source in ordered)
            {
                using var scope = NewDisposeScope();
                var tensor = source.Make();
                if (tensor.dtype != source.Dtype || !tensor.shape.SequenceEqual(source.Shape))
                {
                    throw new InvalidOperationException($"{source.Name} was announced as {source.Dtype} "
                        + $"[{string.Join(", ", source.Shape)}] and made as {tensor.dtype} [{string.Join(", ", tensor.shape)}].");
                }
                if (source.Bytes > 0)
                {
                    tensor.detach().cpu().contiguous().WriteBytesToStream(stream, bufferSize: 1 << 20);
                }
            }
            stream.Flush(flushToDisk: true);
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    private static void WriteHeader(Stream stream, IEnumerable<TensorSource> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var header = new JsonObject { ["__metadata__"] = JsonSerializer.SerializeToNode(metadata) };
        long offset = 0;
        foreach (var tensor in tensors)
        {
            header[tensor.Name] = new JsonObject
            {
                ["dtype"] = ElementTypes.Name(tensor.Dtype),
                ["shape"] = JsonSerializer.SerializeToNode(tensor.Shape),
                ["data_offsets"] = new JsonArray(offset, offset + tensor.Bytes),
            };
            offset += tensor.Bytes;
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        var padded = (json.Length + 7) / 8 * 8; // tensors start on 8 bytes
        Span<byte> prefix = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)padded);
        stream.Write(prefix);
        stream.Write(json);
        for (var i = json.Length; i < padded; i++)
        {
            stream.WriteByte((byte)' ');
        }
    }
}
