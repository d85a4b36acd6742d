namespace LoraAspire.DataBuild.Sources.Parallel;

/// <summary>
/// Passes on what it reads, and stops a parser that goes on reading without coming to the end of a unit: it holds in memory what it has
/// read of one.
/// </summary>
/// <param name="most">Bytes of a unit.</param>
/// <param name="tooLong">What to say.</param>
internal sealed class UnitLimit(Stream inner, int most, Func<Exception> tooLong) : Stream
{
    private long _read;

    /// <summary>A unit has ended.</summary>
    public void Next() => _read = 0;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        var read = inner.Read(buffer);
        return (_read += read) <= most ? read : throw tooLong();
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

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
}
