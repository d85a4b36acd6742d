using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using LoraAspire.Model.Native;
using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace LoraAspire.Model.Weights;

/// <summary>
/// A file that is made, written and hashed at once: while the caller makes a piece, one thread writes those before it and another hashes
/// them. Pieces lie one behind the other.
/// </summary>
internal sealed class HashedFile : IDisposable
{
    /// <summary>Bytes that may wait for the two threads; one piece may be larger.</summary>
    private const long MostAhead = 512 << 20;

    private const int HashPiece = 1 << 20;
    private const int WritePiece = 16 << 20;

    private readonly SafeFileHandle _file;
    private readonly BlockingCollection<Piece> _toWrite = [], _toHash = [];
    private readonly Thread _writer, _hasher;
    private readonly Lock _lock = new();
    private readonly AutoResetEvent _room = new(false);
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private Exception? _fault;
    private long _end, _ahead;

    public HashedFile(string path)
    {
        _file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.None);
        (_writer, _hasher) = (Start("write", _toWrite, Write), Start("hash", _toHash, Hash));
    }

    /// <param name="Name">For messages.</param>
    /// <param name="At">Where it lies in this file.</param>
    /// <param name="Source">The file to copy it from; null where <paramref name="Tensor"/> has the bytes.</param>
    private sealed record Piece(string Name, long At, long Length, Tensor? Tensor, FileRange? Source, FiniteCheck? Check)
    {
        private int _holders = 2;

        /// <returns>True when the other thread is done with it too.</returns>
        public bool Release()
        {
            if (Interlocked.Decrement(ref _holders) > 0)
            {
                return false;
            }
            Tensor?.Dispose();
            return true;
        }
    }

    /// <summary>Adds a contiguous tensor on the CPU, which is the file's from then on.</summary>
    /// <param name="check">Which values end it with a <see cref="ModelException"/>; null takes all.</param>
    public void Append(string name, Tensor tensor, FiniteCheck? check = null) =>
        Add(new(name, _end, tensor.NumberOfElements * tensor.ElementSize, tensor, null, check));

    /// <summary>Adds bytes of another file as they are.</summary>
    public void Append(string name, FileRange source, FiniteCheck? check = null) =>
        Add(new(name, _end, source.Length, null, source, check));

    /// <summary>Writes what is left. The bytes are on the disk when the task is done; it gives their SHA-256 in lower-case hex.</summary>
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

    /// <summary>Ends the threads; what they had not come to is left out.</summary>
    public void Dispose()
    {
        if (!_toWrite.IsAddingCompleted)
        {
            Fail(new OperationCanceledException());
            Stop();
            _file.Dispose();
        }
        _hash.Dispose();
        _toWrite.Dispose();
        _toHash.Dispose();
        _room.Dispose();
    }

    private void Add(Piece piece)
    {
        var held = piece.Tensor is null ? 0 : piece.Length;
        while (Interlocked.Read(ref _ahead) is var ahead && ahead > 0 && ahead + held > MostAhead && _fault is null)
        {
            _room.WaitOne();
        }
        if (_fault is not null)
        {
            piece.Tensor?.Dispose();
            Rethrow();
        }
        Interlocked.Add(ref _ahead, held);
        _end += piece.Length;
        _toWrite.Add(piece);
        _toHash.Add(piece);
    }

    private Thread Start(string name, BlockingCollection<Piece> pieces, Action<Piece> work)
    {
        var thread = new Thread(() =>
        {
            foreach (var piece in pieces.GetConsumingEnumerable())
            {
                try
                {
                    if (_fault is null)
                    {
                        work(piece);
                    }
                }
                catch (Exception error)
                {
                    Fail(error); // thrown on where the caller next looks
                }
                if (piece.Release() && piece.Tensor is not null)
                {
                    Interlocked.Add(ref _ahead, -piece.Length);
                }
                _room.Set();
            }
        })
        { IsBackground = true, Name = $"weights {name}" };
        thread.Start();
        return thread;
    }

    private void Fail(Exception error)
    {
        lock (_lock)
        {
            _fault ??= error;
        }
    }

    private void Rethrow()
    {
        if (_fault is not null)
        {
            ExceptionDispatchInfo.Throw(_fault);
        }
    }

    private void Stop()
    {
        _toWrite.CompleteAdding();
        _toHash.CompleteAdding();
        _writer.Join();
        _hasher.Join();
    }

    private void Write(Piece piece)
    {
        if (piece.Source is { } source)
        {
            KernelCopy.Copy(source.File, source.Offset, _file, piece.At, piece.Length);
        }
        else
        {
            Each(piece, WritePiece, (bytes, at) => RandomAccess.Write(_file, bytes, piece.At + at));
        }
        KernelCopy.BeginWriteback(_file, piece.At, piece.Length);
    }

    private void Hash(Piece piece) => Each(piece, HashPiece, (bytes, at) =>
    {
        _hash.AppendData(bytes);
        piece.Check?.Require(piece.Name, bytes, at);
    });

    private delegate void Work(ReadOnlySpan<byte> bytes, long at);

    private unsafe void Each(Piece piece, int size, Work work)
    {
        var buffer = piece.Source is null ? [] : ArrayPool<byte>.Shared.Rent(size);
        var start = piece.Tensor is { } tensor && piece.Length > 0 ? (byte*)Aten.Data(tensor) : null;
        for (long at = 0; at < piece.Length && _fault is null; at += size)
        {
            var count = (int)Math.Min(size, piece.Length - at);
            piece.Source?.Read(buffer.AsSpan(0, count), at);
            work(piece.Source is null ? new(start + at, count) : buffer.AsSpan(0, count), at);
        }
        if (piece.Source is not null)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
