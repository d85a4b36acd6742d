using System.Security.Cryptography;

namespace LoraAspire.Model.Export;

/// <summary>
/// A file that is hashed while it is written, both on another thread than the one that makes its bytes. It has its name only when it is
/// whole and on the disk.
/// </summary>
internal sealed class ExportFile : IDisposable
{
    private readonly string _path, _partial;
    private readonly FileStream _stream;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[][] _buffers = [[], []];
    private Task _writing = Task.CompletedTask;
    private int _turn;
    private bool _isFinished;

    public ExportFile(string path)
    {
        (_path, _partial) = (path, path + ".part");
        _stream = new(_partial, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
    }

    /// <summary>Bytes given to be written so far.</summary>
    public long Length { get; private set; }

    /// <summary>A buffer of at least so many bytes, which may be filled while the one before is written.</summary>
    public byte[] Next(int bytes)
    {
        _turn = 1 - _turn;
        if (_buffers[_turn].Length < bytes)
        {
            _buffers[_turn] = new byte[bytes];
        }
        return _buffers[_turn];
    }

    /// <summary>Writes the start of what <see cref="Next"/> gave.</summary>
    /// <exception cref="IOException">What was written before has no room.</exception>
    public void Write(byte[] buffer, int bytes)
    {
        _writing.GetAwaiter().GetResult();
        Length += bytes;
        _writing = Task.Run(() =>
        {
            _stream.Write(buffer, 0, bytes);
            _hash.AppendData(buffer, 0, bytes);
        });
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        var buffer = Next(bytes.Length);
        bytes.CopyTo(buffer);
        Write(buffer, bytes.Length);
    }

    /// <returns>SHA-256 in lower-case hex.</returns>
    public string Finish()
    {
        _writing.GetAwaiter().GetResult();
        _stream.Flush(flushToDisk: true);
        _stream.Dispose();
        File.Move(_partial, _path, overwrite: true);
        _isFinished = true;
        return Convert.ToHexStringLower(_hash.GetHashAndReset());
    }

    /// <summary>What wasn't finished is removed.</summary>
    public void Dispose()
    {
        _writing.ContinueWith(_ => { }, TaskScheduler.Default).Wait();
        _stream.Dispose();
        _hash.Dispose();
        if (!_isFinished)
        {
            File.Delete(_partial);
        }
    }
}
