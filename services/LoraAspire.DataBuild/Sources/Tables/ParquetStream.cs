

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>
/// A parquet file for the library, which takes the end of a stream for a byte 0xFF and goes on, and a negative page size for a place to go
/// back to: here reading beyond the end fails, and so does reading much more than there is.
/// </summary>
internal sealed class ParquetStream(Stream inner) : Stream
{
    /// <summary>The library reads the footer a few times, and each column once.</summary>
    private const int TimesOver = 4;
    private const int AtLeast = 1 << 20;

    private long _read;

    /// <summary>Another part of the work begins: the footer, or a row group.</summary>
    public void Next() => _read = 0;

    public override bool CanRead => true;
    public override bool CanSeek => true;
    public override bool CanWrite => false;
    public override long Length => inner.Length;
    public override long Position { get => inner.Position; set => inner.Position = value; }

    public override int ReadByte()
    {
        var value = inner.ReadByte();
        Count(value < 0 ? 0 : 1, wanted: 1);
        return value;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        var read = inner.Read(buffer);
        Count(read, buffer.Length);
        return read;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(buffer, cancellationToken);
        Count(read, buffer.Length);
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => inner.Seek(offset, origin);

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }
        base.Dispose(disposing);
    }

    private void Count(int read, int wanted)
    {
        _read += read;
        if (read == 0 && wanted > 0)
        {
            throw new EndOfStreamException("It ends where more should follow.");
        }
        if (_read > AtLeast + (TimesOver * inner.Length))
        {
            throw new InvalidDataException("Its parts lead round in a circle.");
        }
    }
}
