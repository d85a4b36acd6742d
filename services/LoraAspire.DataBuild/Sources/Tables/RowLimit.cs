

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>
/// Passes on what it reads, and stops a parser that goes on reading without coming to the end of a row: it holds in memory what it has read
/// of one.
/// </summary>
/// <param name="most">Letters of a row.</param>
/// <param name="tooLong">What to say.</param>
internal sealed class RowLimit(TextReader inner, int most, Func<Exception> tooLong) : TextReader
{
    private int _read;

    /// <summary>A row has ended.</summary>
    public void Next() => _read = 0;

    public override int Peek() => inner.Peek();

    public override int Read()
    {
        var letter = inner.Read();
        Counted(letter < 0 ? 0 : 1);
        return letter;
    }

    public override int Read(char[] buffer, int index, int count) => Read(buffer.AsSpan(index, count));

    public override int Read(Span<char> buffer) => Counted(inner.Read(buffer));

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }
        base.Dispose(disposing);
    }

    private int Counted(int letters) => (_read += letters) <= most ? letters : throw tooLong();
}
