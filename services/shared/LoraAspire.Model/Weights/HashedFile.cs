using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using LoraAspire.Model.Native;
using Microsoft.Win32.SafeHandles;

namespace LoraAspire.Model.Weights;

/// <summary>
/// A file that is made, written and hashed at once: the caller makes and writes a piece while another thread hashes those before it.
/// Pieces are small enough that each step finds them in the processor's cache, which costs less than the system's own copy of what was
/// hashed from elsewhere. Tensors lie one behind the other.
/// </summary>
internal sealed class HashedFile : IDisposable
{
    private const int PieceSize = 512 << 10;

    /// <summary>Pieces that may wait for the hash.</summary>
    private const int MostAhead = 16;

    /// <summary>What is written before the disk is told to begin with it.</summary>
    private const long WritebackSize = 16 << 20;

    private readonly SafeFileHandle _file;
    private readonly BlockingCollection<(byte[] Buffer, int Length)> _toHash = new(MostAhead);
    private readonly Thread _hasher;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private volatile Exception? _fault;
    private long _end, _begun;

    public HashedFile(string path)
    {
        _file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.None);
        _hasher = new Thread(Hash) { IsBackground = true, Name = "weights hash" };
        _hasher.Start();
    }

    /// <summary>Adds a tensor's bytes; they are written when this returns.</summary>
    /// <param name="name">For messages.</param>
    /// <exception cref="ModelException">A value that <paramref name="check"/> doesn't take; null takes all.</exception>
    /// <exception cref="IOException">The disk is full or fails.</exception>
    public void Append(string name, TensorBytes bytes, FiniteCheck? check = null)
    {
        var most = Math.Max(PieceSize / bytes.Unit, 1) * bytes.Unit;
        for (long at = 0; at < bytes.Length; at += most)
        {
            var length = (int)Math.Min(most, bytes.Length - at);
            var buffer = ArrayPool<byte>.Shared.Rent(length);
            var piece = buffer.AsSpan(0, length);
            bytes.Read(piece, at);
            check?.Require(name, piece, at);
            RandomAccess.Write(_file, piece, _end);
            _end += length;
            Rethrow();
            _toHash.Add((buffer, length));
            if (_end - _begun >= WritebackSize)
            {
                Writeback.Begin(_file, _begun, _end - _begun);
                _begun = _end;
            }
        }
    }

    /// <summary>The bytes are on the disk when the task is done; it gives their SHA-256 in lower-case hex.</summary>
    public Task<string> CompleteAsync()
    {
        Stop();
        if (_fault is not null)
        {
            _file.Dispose();
        }
        Rethrow();
        var digest = Convert.ToHexStringLower(_hash.GetHashAndReset());
        return Task.Run(() =>
        {
            using (_file)
            {
                RandomAccess.FlushToDisk(_file);
            }
            return digest;
        });
    }

    /// <summary>Where the file was not completed, it is closed as it is.</summary>
    public void Dispose()
    {
        if (!_toHash.IsAddingCompleted)
        {
            Stop();
            _file.Dispose();
        }
        _hash.Dispose();
        _toHash.Dispose();
    }

    private void Hash()
    {
        foreach (var (buffer, length) in _toHash.GetConsumingEnumerable())
        {
            try
            {
                _hash.AppendData(buffer, 0, length);
            }
            catch (Exception error)
            {
                _fault ??= error; // thrown on where the caller next looks
            }
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Rethrow()
    {
        if (_fault is { } fault)
        {
            ExceptionDispatchInfo.Throw(fault);
        }
    }

    private void Stop()
    {
        _toHash.CompleteAdding();
        _hasher.Join();
    }
}
