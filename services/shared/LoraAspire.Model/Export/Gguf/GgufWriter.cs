using System.Text;

namespace LoraAspire.Model.Export.Gguf;

/// <summary>A file that was written.</summary>
/// <param name="Sha256">In lower-case hex.</param>
public sealed record ExportedFile(string Name, long Bytes, string Sha256);

/// <summary>Writes a GGUF file, version 3: magic, counts, metadata, the list of tensors, and their numbers, each on 32 bytes.</summary>
internal static class GgufWriter
{
    private const uint Version = 3;
    private const int Alignment = 32;

    /// <summary>ggml's names have room for 64 bytes, the last of them zero.</summary>
    private const int LongestName = 63;

    /// <exception cref="IOException">No space, no permission; the unfinished file is removed.</exception>
    /// <exception cref="ModelException">A tensor can't be read or holds what the type can't.</exception>
    public static ExportedFile Write(string path, GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors, Action written,
        CancellationToken cancellationToken)
    {
        using var file = new ExportFile(path);
        file.Write(Header(metadata, tensors));
        foreach (var tensor in tensors)
        {
            tensor.Write(file, cancellationToken);
            Pad(file);
            written();
        }
        return new(Path.GetFileName(path), file.Length, file.Finish());
    }

    private static byte[] Header(GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors)
    {
        using MemoryStream bytes = new();
        using BinaryWriter writer = new(bytes, Encoding.UTF8);
        writer.Write("GGUF"u8);
        writer.Write(Version);
        writer.Write((ulong)tensors.Count);
        writer.Write((ulong)metadata.Count);
        metadata.Write(writer);
        long offset = 0;
        foreach (var tensor in tensors)
        {
            var name = Encoding.UTF8.GetBytes(tensor.Name);
            if (name.Length > LongestName)
            {
                throw new ModelException($"The tensor name {tensor.Name} is longer than the {LongestName} bytes that GGUF readers take.");
            }
            GgufMetadata.WriteText(writer, name);
            writer.Write((uint)tensor.Shape.Count);
            // The fastest dimension comes first.
            foreach (var size in tensor.Shape.Reverse())
            {
                writer.Write((ulong)size);
            }
            writer.Write((uint)tensor.Type);
            writer.Write((ulong)offset);
            offset += Aligned(tensor.Bytes);
        }
        writer.Write(new byte[Aligned(bytes.Length) - bytes.Length]);
        writer.Flush();
        return bytes.ToArray();
    }

    /// <summary>With the room to the next tensor.</summary>
    public static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private static void Pad(ExportFile file)
    {
        if (Aligned(file.Length) - file.Length is var missing and > 0)
        {
            file.Write(new byte[missing]);
        }
    }
}
