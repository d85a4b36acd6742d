using System.Buffers.Binary;

namespace LoraAspire.Model.Data;

/// <summary>Where a buffer of a record batch lies, in bytes from the start of its batch's body.</summary>
internal readonly record struct ArrowPart(long Offset, long Length);

/// <summary>A record batch as its header describes it; only that the body lies inside the file has been checked.</summary>
/// <param name="Rows">As the header says.</param>
/// <param name="NodeLengths">Values of each column, children after their parents, none of them missing.</param>
internal sealed record ArrowBatch(long Rows, long[] NodeLengths, ArrowPart[] Buffers, ReadOnlyMemory<byte> Body);

/// <summary>
/// The messages of an Arrow IPC stream (Arrow Columnar Format, "IPC Streaming Format"), read by hand: the library takes counts and offsets
/// from the file as they are, so that a changed byte may have it loop over thousands of millions of fields, or show memory that isn't the
/// file's. Every read here is a slice of the file.
/// </summary>
internal static class ArrowStream
{
    private const uint Continuation = uint.MaxValue;
    private const byte SchemaMessage = 1, RecordBatchMessage = 3;
    private const int MostParts = 64; // ours has 7 nodes and 15 buffers

    /// <summary>The record batches of a stream whose schema names these columns.</summary>
    /// <exception cref="InvalidDataException">No such stream.</exception>
    /// <exception cref="ArgumentException">It ends in a message, or a place in it lies outside.</exception>
    public static IEnumerable<ArrowBatch> Read(ReadOnlyMemory<byte> file, IReadOnlyList<byte[]> columns)
    {
        var started = false;
        while (Next(ref file) is var (metadata, type, body))
        {
            if (!started)
            {
                RequireSchema(metadata.Span, type, columns);
                started = true;
            }
            else if (type == RecordBatchMessage)
            {
                yield return Batch(metadata.Span, body);
            }
            else
            {
                throw new InvalidDataException($"a message of type {type} is where rows were expected.");
            }
        }
        if (!started)
        {
            throw new InvalidDataException("it is empty.");
        }
    }

    /// <summary>The next message, or null at the stream's end. A stream that ends without its mark was cut off.</summary>
    private static (ReadOnlyMemory<byte> Metadata, byte Type, ReadOnlyMemory<byte> Body)? Next(ref ReadOnlyMemory<byte> file)
    {
        var start = file.Span;
        if (BinaryPrimitives.ReadUInt32LittleEndian(start[..4]) != Continuation)
        {
            throw new InvalidDataException("a message doesn't begin with its mark.");
        }
        var length = BinaryPrimitives.ReadInt32LittleEndian(start[4..8]);
        if (length == 0)
        {
            return null;
        }
        var metadata = file.Slice(8, length);
        FlatTable message = FlatTable.Root(metadata.Span);
        var bodyLength = message.Int64(3);
        if (bodyLength < 0 || bodyLength > file.Length - 8 - length)
        {
            throw new InvalidDataException("it is cut off.");
        }
        var body = file.Slice(8 + length, (int)bodyLength);
        file = file[(8 + length + (int)bodyLength)..];
        return (metadata, message.Byte(1), body);
    }

    private static void RequireSchema(ReadOnlySpan<byte> metadata, byte type, IReadOnlyList<byte[]> columns)
    {
        foreach (var column in columns)
        {
            if (type != SchemaMessage || metadata.IndexOf(column) < 0)
            {
                throw new InvalidDataException("its columns aren't those of a data set.");
            }
        }
    }

    private static ArrowBatch Batch(ReadOnlySpan<byte> metadata, ReadOnlyMemory<byte> body)
    {
        var batch = FlatTable.Root(metadata).Table(2);
        if (batch.Has(3))
        {
            throw new InvalidDataException("its rows are compressed, which data-build doesn't do.");
        }
        var nodes = batch.Pairs(1, MostParts);
        return Array.Exists(nodes, node => node.Second != 0) ? throw new InvalidDataException("values are missing in it.")
            : new(batch.Int64(0), [.. nodes.Select(node => node.First)],
                [.. batch.Pairs(2, MostParts).Select(pair => new ArrowPart(pair.First, pair.Second))], body);
    }

    /// <summary>A table of a FlatBuffer. A read beyond the buffer is an ArgumentException.</summary>
    private readonly ref struct FlatTable(ReadOnlySpan<byte> buffer, int at)
    {
        private readonly ReadOnlySpan<byte> _buffer = buffer;
        private readonly int _at = at;

        public static FlatTable Root(ReadOnlySpan<byte> buffer) => new(buffer, At(buffer, 0));

        public bool Has(int field) => Field(field) != 0;

        public byte Byte(int field) => Field(field) is > 0 and var at ? _buffer.Slice(at, 1)[0] : (byte)0;

        public long Int64(int field) => Field(field) is > 0 and var at ? BinaryPrimitives.ReadInt64LittleEndian(_buffer.Slice(at, 8)) : 0;

        public FlatTable Table(int field) => Field(field) is > 0 and var at ? new(_buffer, checked(at + At(_buffer, at)))
            : throw new InvalidDataException("a part of a message is missing.");

        /// <summary>A vector of structs of two 64-bit numbers.</summary>
        public (long First, long Second)[] Pairs(int field, int most)
        {
            if (Field(field) is not (> 0 and var at))
            {
                return [];
            }
            var vector = checked(at + At(_buffer, at));
            var count = At(_buffer, vector);
            if (count > most)
            {
                throw new InvalidDataException($"a message claims {count} parts.");
            }
            var pairs = new (long, long)[count];
            for (var i = 0; i < count; i++)
            {
                var pair = _buffer.Slice(checked(vector + 4 + (i * 16)), 16);
                pairs[i] = (BinaryPrimitives.ReadInt64LittleEndian(pair), BinaryPrimitives.ReadInt64LittleEndian(pair[8..]));
            }
            return pairs;
        }

        /// <summary>Where a field's value lies; 0 where the table doesn't have it.</summary>
        private int Field(int field)
        {
            var vtable = checked(_at - BinaryPrimitives.ReadInt32LittleEndian(_buffer.Slice(_at, 4)));
            var entry = 4 + (2 * field);
            var offset = entry + 2 <= BinaryPrimitives.ReadUInt16LittleEndian(_buffer.Slice(vtable, 2))
                ? BinaryPrimitives.ReadUInt16LittleEndian(_buffer.Slice(vtable + entry, 2)) : 0;
            return offset == 0 ? 0 : _at + offset;
        }

        private static int At(ReadOnlySpan<byte> buffer, int place) => BinaryPrimitives.ReadInt32LittleEndian(buffer.Slice(place,
            4)) is >= 0 and var offset ? offset : throw new InvalidDataException("an offset in a message points outside it.");
    }
}
