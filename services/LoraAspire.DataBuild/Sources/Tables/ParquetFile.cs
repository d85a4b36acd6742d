using LoraAspire.Runtime.Stages;
using Parquet;
using Parquet.Meta.Proto;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>Opening a parquet file, and saying in words what is wrong with it.</summary>
internal static class ParquetFile
{
    /// <exception cref="StageException">Gzipped, or cut off.</exception>
    public static ParquetStream Open(DataFile file)
    {
        var opened = file.Open();
        if (!opened.CanSeek)
        {
            opened.Dispose();
            throw new StageException($"{file.Name}: a gzipped parquet file can't be read, since it is read from its end. Unpack it; "
                + "parquet compresses its columns itself.");
        }
        ParquetStream stream = new(opened);
        try
        {
            return Guarded(file, () =>
            {
                CheckEnd(stream);
                ParquetPages.RequireFooter(stream);
                stream.Next();
                return stream;
            });
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>The footer's stop byte is the ninth from the end: footer, its length in four bytes, PAR1.</summary>
    private static void CheckEnd(Stream stream)
    {
        Span<byte> end = stackalloc byte[9];
        stream.Seek(-Math.Min(end.Length, stream.Length), SeekOrigin.End);
        stream.ReadExactly(end);
        stream.Position = 0;
        if (end[0] != 0 || !end[5..].SequenceEqual("PAR1"u8))
        {
            throw new InvalidDataException("Its end is cut off or damaged.");
        }
    }

    /// <summary>A column of one value repeated takes next to nothing in a file; texts to learn from are no such columns.</summary>
    private const int MostRowsPerByte = 256;

    /// <summary>The room for a row group's values is taken by the count that stands in the file.</summary>
    /// <exception cref="InvalidDataException">More than the file could hold.</exception>
    public static int Rows(long count, Stream file) => count >= 0 && count <= Math.Min(int.MaxValue, file.Length * MostRowsPerByte)
        ? (int)count : throw new InvalidDataException($"It tells of {count} rows, which its {file.Length} bytes can't hold.");

    /// <summary>Whatever the library throws at damaged bytes is a damaged file.</summary>
    public static T Guarded<T>(DataFile file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (StageException e)
        {
            throw new StageException($"{file.Name}: {e.Message}", inner: e);
        }
        catch (Exception e)
            when (e is ParquetException or ThriftProtocolException or IOException or InvalidDataException or InvalidOperationException
                or ArgumentException or OverflowException or IndexOutOfRangeException or NotSupportedException or NotImplementedException
                or InvalidCastException or FormatException or NullReferenceException or KeyNotFoundException or OutOfMemoryException)
        {
            throw new StageException($"{file.Name}: not a readable parquet file: {e.Message} Copy or write it again.", inner: e);
        }
    }
}
