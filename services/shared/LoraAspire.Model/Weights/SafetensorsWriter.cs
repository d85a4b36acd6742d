using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace LoraAspire.Model.Weights;

/// <summary>
/// A tensor to be written: its name, type and shape are known before its bytes are made, so that few tensors at a time are in memory.
/// </summary>
/// <param name="Open">Its bytes, row after row in this very type.</param>
public sealed record TensorSource(string Name, ScalarType Dtype, IReadOnlyList<long> Shape, Func<TensorBytes> Open)
{
    /// <param name="make">Gives the whole tensor; one of another type or shape than announced is a fault of ours.</param>
    public TensorSource(string name, ScalarType dtype, IReadOnlyList<long> shape, Func<Tensor> make)
        : this(name, dtype, shape, () => TensorBytes.Of(Made(name, dtype, shape, make)))
    {
    }

    /// <summary>Which of its values end the writing in words; null takes all.</summary>
    public FiniteCheck? Check { get; init; }

    public long Size => Shape.Aggregate((long)ElementTypes.Size(Dtype), (product, dimension) => product * dimension);

    public static TensorSource Of(string name, Tensor tensor) => new(name, tensor.dtype, tensor.shape, tensor.alias);

    /// <exception cref="InvalidOperationException">What was made isn't what was announced.</exception>
    private static Tensor Made(string name, ScalarType dtype, IReadOnlyList<long> shape, Func<Tensor> make)
    {
        using var scope = NewDisposeScope();
        var tensor = make();
        return tensor.dtype == dtype && tensor.shape.SequenceEqual(shape)
            ? tensor.detach().cpu().contiguous().DetachFromDisposeScope()
            : throw new InvalidOperationException($"{name} was announced as {dtype} [{string.Join(", ", shape)}] and made as "
                + $"{tensor.dtype} [{string.Join(", ", tensor.shape)}].");
    }
}

/// <summary>Writes safetensors files. Tensors lie in the order of their names, so equal tensors give equal bytes.</summary>
public static class SafetensorsWriter
{
    /// <summary>Returns when the file is on the disk.</summary>
    /// <param name="metadata">Beside the format, which transformers asks for.</param>
    /// <returns>Its SHA-256 in lower-case hex.</returns>
    /// <exception cref="IOException">No space, no permission; the unfinished file is removed.</exception>
    public static string Write(string path, IEnumerable<TensorSource> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        WriteAsync(path, tensors, metadata).GetAwaiter().GetResult();

    /// <summary>
    /// Returns when all tensors are made and handed to the system; the task ends when they are on the disk, and gives the file's SHA-256 in
    /// lower-case hex.
    /// </summary>
    /// <exception cref="IOException">As <see cref="Write"/>.</exception>
    public static Task<string> WriteAsync(string path, IEnumerable<TensorSource> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal).ToList();
        try
        {
            using HashedFile file = new(path);
            var header = Header(ordered, [KeyValuePair.Create("format", "pt"), .. metadata ?? new Dictionary<string, string>()]);
            using (var bytes = TensorBytes.Of(from_array(header).DetachFromDisposeScope()))
            {
                file.Append("header", bytes);
            }
            foreach (var source in ordered)
            {
                using var bytes = source.Open();
                file.Append(source.Name, bytes, source.Check);
            }
            return Finished(path, file.CompleteAsync());
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    private static async Task<string> Finished(string path, Task<string> flushed)
    {
        try
        {
            return await flushed;
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    private static byte[] Header(IEnumerable<TensorSource> tensors, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        var words = metadata.Select(item => KeyValuePair.Create(item.Key, (JsonNode?)item.Value));
        var header = new JsonObject { ["__metadata__"] = new JsonObject(words) };
        long offset = 0;
        foreach (var tensor in tensors)
        {
            header[tensor.Name] = new JsonObject
            {
                ["dtype"] = ElementTypes.Name(tensor.Dtype),
                ["shape"] = JsonSerializer.SerializeToNode(tensor.Shape),
                ["data_offsets"] = new JsonArray(offset, offset + tensor.Size),
            };
            offset += tensor.Size;
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        var padded = (json.Length + 7) / 8 * 8; // tensors start on 8 bytes
        var bytes = new byte[sizeof(ulong) + padded];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)padded);
        json.CopyTo(bytes, sizeof(ulong));
        bytes.AsSpan(sizeof(ulong) + json.Length).Fill((byte)' ');
        return bytes;
    }
}
