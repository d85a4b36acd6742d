using LoraAspire.Runtime.Stages;
using Parquet;
using Parquet.Meta.Proto;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>Opening a parquet file, and saying in words what is wrong with it.</summary>
internal static class ParquetFile
{
    /// <exception cref="StageException">Gzipped, or cut off.</exception>
    public static Stream Open(DataFile file)
    {
        var stream = file.Open();
        if (!stream.CanSeek)
        {
            stream.Dispose();
            throw new StageException($"{file.Name}: a gzipped parquet file can't be read, since it is read from its end. Unpack it; parquet compresses its columns itself.");
        }
        Guarded(file, () => CheckEnd(stream));
        return stream;
    }

    /// <summary>A footer that lost its stop byte, the ninth from the end (footer, its length in four bytes, PAR1), has the library read for ever.</summary>
    private static bool CheckEnd(Stream stream)
    {
        Span<byte> end = stackalloc byte[9];
        stream.Seek(-Math.Min(end.Length, stream.Length), SeekOrigin.End);
        stream.ReadExactly(end);
        stream.Position = 0;
        return end[0] == 0 && end[5..].SequenceEqual("PAR1"u8) ? true : throw new InvalidDataException("Its end is cut off or damaged.");
    }

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
        catch (Exception e) when (e is ParquetException or ThriftProtocolException or IOException or InvalidDataException or InvalidOperationException or ArgumentException or OverflowException or IndexOutOfRangeException or NotSupportedException or NotImplementedException or InvalidCastException or FormatException or NullReferenceException or KeyNotFoundException)
        {
            throw new StageException($"{file.Name}: not a readable parquet file: {e.Message} Copy or write it again.", inner: e);
        }
    }
}
