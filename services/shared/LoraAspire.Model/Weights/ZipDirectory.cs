using System.Buffers.Binary;
using System.Text;

namespace LoraAspire.Model.Weights;

/// <summary>
/// Where the entries of a zip file lie, when they are stored as they are. System.IO.Compression doesn't give offsets, which mapping needs.
/// </summary>
internal static class ZipDirectory
{
    private const int EndBytes = 22;
    private const int LocatorBytes = 20;
    private const int MaxDirectoryBytes = 64 << 20;
    private const uint Wide = uint.MaxValue;

    /// <summary>Name → offset and length in bytes of each entry.</summary>
    /// <exception cref="ModelException">Not a whole zip file, or an entry that is compressed or encrypted.</exception>
    public static Dictionary<string, (long Offset, long Length)> Read(FileStream file)
    {
        var (start, length) = FindDirectory(file);
        if (start < 0 || length < 0 || length > MaxDirectoryBytes || start > file.Length - length)
        {
            throw Damaged(file, "the zip directory lies outside the file");
        }
        var directory = ReadAt(file, start, (int)length);
        var entries = new Dictionary<string, (long, long)>(StringComparer.Ordinal);
        for (var at = 0; at < directory.Length;)
        {
            var entry = directory.AsSpan(at);
            if (entry.Length < 46 || BinaryPrimitives.ReadUInt32LittleEndian(entry) != 0x02014b50)
            {
                throw Damaged(file, "the zip directory is malformed");
            }
            int nameBytes = U16(entry, 28), extraBytes = U16(entry, 30), size = 46 + nameBytes + extraBytes + U16(entry, 32);
            if (entry.Length < size)
            {
                throw Damaged(file, "the zip directory is malformed");
            }
            var name = Encoding.UTF8.GetString(entry.Slice(46, nameBytes));
            if (U16(entry, 10) != 0 || (U16(entry, 8) & 1) != 0)
            {
                throw new ModelException($"{file.Name}: '{name}' in it is compressed or encrypted; torch stores entries as they are. "
                    + "Save the weights again, best as safetensors.");
            }
            var (bytes, header) =
                Widen(file, name, entry.Slice(46 + nameBytes, extraBytes), U32(entry, 20), U32(entry, 24), U32(entry, 42));
            if (!entries.TryAdd(name, (DataOffset(file, name, header, bytes), bytes)))
            {
                throw Damaged(file, $"'{name}' stands in it twice");
            }
            at += size;
        }
        return entries;
    }

    private static (long Start, long Length) FindDirectory(FileStream file)
    {
        var tail =
            ReadAt(file, Math.Max(0, file.Length - EndBytes - ushort.MaxValue), (int)Math.Min(file.Length, EndBytes + ushort.MaxValue));
        for (var at = tail.Length - EndBytes; at >= 0; at--)
        {
            var end = tail.AsSpan(at);
            if (BinaryPrimitives.ReadUInt32LittleEndian(end) == 0x06054b50 && U16(end, 20) == end.Length - EndBytes)
            {
                return U32(end, 16) == Wide || U32(end, 12) == Wide || U16(end, 10) == ushort.MaxValue
                    ? FindWideDirectory(file, file.Length - tail.Length + at)
                    : (U32(end, 16), U32(end, 12));
            }
        }
        throw Damaged(file, "it has no zip directory at its end: truncated");
    }

    /// <summary>zip64: a locator before the end record points to the wide one.</summary>
    private static (long Start, long Length) FindWideDirectory(FileStream file, long end)
    {
        var locator = end < LocatorBytes ? [] : ReadAt(file, end - LocatorBytes, LocatorBytes);
        if (locator.Length > 0 && U32(locator, 0) == 0x07064b50 && I64(locator, 8) is >= 0 and var at && at <= file.Length - 56)
        {
            var wide = ReadAt(file, at, 56);
            if (U32(wide, 0) == 0x06064b50)
            {
                return (I64(wide, 48), I64(wide, 40));
            }
        }
        throw Damaged(file, "its zip64 directory is missing");
    }

    /// <summary>
    /// Sizes and places of 4 GiB and more stand in the zip64 extra field, in this order, each only where its short form is all ones.
    /// </summary>
    private static (long Bytes, long Header) Widen(FileStream file, string name, ReadOnlySpan<byte> extra, uint stored, uint plain,
        uint header)
    {
        while (extra.Length >= 4 && U16(extra, 0) != 1)
        {
            extra = extra[Math.Min(extra.Length, 4 + U16(extra, 2))..];
        }
        var wide = extra.Length >= 4 ? extra.Slice(4, Math.Min(extra.Length - 4, U16(extra, 2))) : [];
        long[] values = [plain, stored, header];
        for (var i = 0; i < values.Length; i++)
        {
            if (values[i] == Wide)
            {
                if (wide.Length < 8)
                {
                    throw Damaged(file, $"'{name}' has no zip64 sizes");
                }
                values[i] = I64(wide, 0);
                wide = wide[8..];
            }
        }
        return values[0] == values[1] && values[0] >= 0 ? (values[0], values[2]) : throw Damaged(file, $"'{name}' has two sizes");
    }

    private static long DataOffset(FileStream file, string name, long header, long bytes)
    {
        if (header >= 0 && header <= file.Length - 30)
        {
            var local = ReadAt(file, header, 30);
            var offset = header + 30 + U16(local, 26) + U16(local, 28);
            if (U32(local, 0) == 0x04034b50 && offset <= file.Length - bytes)
            {
                return offset;
            }
        }
        throw Damaged(file, $"'{name}' lies beyond its end: truncated");
    }

    private static byte[] ReadAt(FileStream file, long offset, int length)
    {
        var bytes = new byte[length];
        file.Position = offset;
        file.ReadExactly(bytes);
        return bytes;
    }

    private static int U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long I64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);

    private static ModelException Damaged(FileStream file, string what) => new($"{file.Name}: {what}. Fetch the file again.");
}
