namespace LoraAspire.DataBuild.Sources;

/// <summary>How far the data files have been read, for the time left. Files are opened on one thread and asked about on another.</summary>
internal sealed class ReadMeter
{
    private readonly Lock _lock = new();
    private FileStream? _current;
    private long _currentLength;
    private long _done;
    private long _total;

    /// <summary>Bytes on disk that will be read.</summary>
    public void Expect(long bytes) => _total += bytes;

    /// <summary>The file that is read from now on; the one before it counts as read.</summary>
    public void Opened(FileStream file)
    {
        lock (_lock)
        {
            _done += _currentLength;
            (_current, _currentLength) = (file, file.Length);
        }
    }

    /// <summary>From 0 to 1; 0 while nothing is known.</summary>
    public double Share
    {
        get
        {
            lock (_lock)
            {
                return _total == 0 ? 0 : Math.Clamp((double)(_done + Position()) / _total, 0, 1);
            }
        }
    }

    private long Position()
    {
        try
        {
            return _current?.Position ?? 0;
        }
        catch (ObjectDisposedException)
        {
            return _currentLength; // read to its end
        }
    }
}
