using System.Reflection;
using Parquet;
using Parquet.Meta;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>
/// Looks at what a parquet file tells of its sizes before the library takes memory by it: the footer by the library's own reading, over a
/// stream that has an end, and each page's header (parquet.thrift in Thrift's compact protocol).
/// </summary>
internal static class ParquetPages
{
    /// <summary>Pages have about a megabyte.</summary>
    private const int MostPageBytes = 32 << 20;
    private const int MostDepth = 16;

    // The library reads the footer from memory, where no stream of ours can stop it.
    private static readonly ConstructorInfo FooterReader = typeof(FileMetaData).Assembly
        .GetType("Parquet.Meta.Proto.ThriftCompactProtocolReader", throwOnError: true)!.GetConstructor([typeof(Stream)])!;
    private static readonly MethodInfo ReadFooter =
        typeof(FileMetaData).GetMethod("Read", BindingFlags.NonPublic | BindingFlags.Static, [FooterReader.DeclaringType!])!;

    /// <summary>The stream stands at its start afterwards.</summary>
    /// <exception cref="InvalidDataException">The footer isn't whole.</exception>
    public static void RequireFooter(ParquetStream stream)
    {
        stream.Seek(-8, SeekOrigin.End);
        Span<byte> end = stackalloc byte[4];
        stream.ReadExactly(end);
        var length = BitConverter.ToInt32(end);
        if (length < 0 || length > stream.Length - 8)
        {
            throw new InvalidDataException("Its footer is longer than the file.");
        }
        var footer = new byte[length];
        stream.Seek(-8 - length, SeekOrigin.End);
        stream.ReadExactly(footer);
        ReadFooter.Invoke(null, BindingFlags.DoNotWrapExceptions, null,
            [FooterReader.Invoke(BindingFlags.DoNotWrapExceptions, null, [new ParquetStream(new MemoryStream(footer))], null)], null);
        stream.Position = 0;
    }

    /// <exception cref="InvalidDataException">A page tells of more than the file could hold.</exception>
    public static void Require(ParquetReader reader, int group, ParquetStream stream)
    {
        var rows = reader.Metadata!.RowGroups[group];
        ParquetFile.Rows(rows.NumRows, stream);
        foreach (var column in rows.Columns.Select(column => column.MetaData).OfType<ColumnMetaData>())
        {
            var values = ParquetFile.Rows(column.NumValues, stream);
            var at = new[] { column.DictionaryPageOffset ?? 0, column.DataPageOffset, column.IndexPageOffset ?? 0 }
                .Where(offset => offset != 0).Min();
            while (values > 0)
            {
                stream.Position = at;
                var page = Header(stream);
                if (page.Bytes is < 0 or > MostPageBytes || page.Stored < 0 || page.Stored > stream.Length - stream.Position)
                {
                    throw new InvalidDataException($"A page tells of {page.Bytes} bytes, {page.Stored} in the file.");
                }
                ParquetFile.Rows(page.Values, stream);
                values -= page.IsData ? page.Values : 0;
                at = stream.Position + page.Stored;
            }
        }
        stream.Position = 0;
    }

    private readonly record struct Page(int Bytes, int Stored, int Values, bool IsData);

    private static Page Header(Stream stream)
    {
        Page page = new(0, 0, 0, IsData: false);
        foreach (var (field, type) in Fields(stream))
        {
            switch (field, type)
            {
                case (2, I32): page = page with { Bytes = Number(stream) }; break;
                case (3, I32): page = page with { Stored = Number(stream) }; break;
                case (5 or 7 or 8, Struct): page = page with { Values = FirstNumber(stream), IsData = field != 7 }; break;
                default: Skip(stream, type, 0); break;
            }
        }
        return page;
    }

    /// <summary>num_values, the first field of each kind of page header.</summary>
    private static int FirstNumber(Stream stream)
    {
        var found = 0;
        foreach (var (field, type) in Fields(stream))
        {
            if (field == 1 && type == I32)
            {
                found = Number(stream);
            }
            else
            {
                Skip(stream, type, 1);
            }
        }
        return found;
    }

    private const int True = 1, False = 2, Byte = 3, I16 = 4, I32 = 5, I64 = 6, Double = 7, Binary = 8, List = 9, Set = 10, Struct = 12;

    /// <summary>Each field's number and type; whoever gets one reads its value before the next.</summary>
    private static IEnumerable<(int Field, int Type)> Fields(Stream stream)
    {
        var field = 0;
        while (stream.ReadByte() is var header and not 0)
        {
            field = header >> 4 == 0 ? Number(stream) : field + (header >> 4);
            yield return (field, header & 0xF);
        }
    }

    private static void Skip(Stream stream, int type, int depth)
    {
        switch (type)
        {
            case True or False: break;
            case Byte: stream.ReadByte(); break;
            case I16 or I32 or I64: Varint(stream); break;
            case Double: stream.Seek(8, SeekOrigin.Current); break;
            case Binary:
                stream.Seek(Varint(stream) is var length && length <= (ulong)stream.Length ? (long)length
                    : throw new InvalidDataException("A text is longer than the file."), SeekOrigin.Current);
                break;
            case List or Set when depth < MostDepth:
                var start = stream.ReadByte();
                for (var count = start >> 4 == 15 ? Varint(stream) : (ulong)(start >> 4); count > 0; count--)
                {
                    Skip(stream, (start & 0xF) is True or False ? Byte : start & 0xF, depth + 1);
                }
                break;
            case Struct when depth < MostDepth:
                foreach (var (_, inner) in Fields(stream))
                {
                    Skip(stream, inner, depth + 1);
                }
                break;
            default: throw new InvalidDataException("A page's header is damaged.");
        }
    }

    private static int Number(Stream stream) => Varint(stream) is var value && value <= uint.MaxValue
        ? (int)(value >> 1) ^ -(int)(value & 1) : throw new InvalidDataException("A number in a page's header is too large.");

    private static ulong Varint(Stream stream)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var part = stream.ReadByte();
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }
        throw new InvalidDataException("A number in a page's header has no end.");
    }
}
