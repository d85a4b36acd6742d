using System.Buffers;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using System.Text;

namespace LoraAspire.Runtime.Store;

/// <summary>How far hashing has come. Bytes whose digest is remembered count at once.</summary>
public readonly record struct HashProgress(long Bytes, long Total);

/// <summary>SHA-256 in lower-case hex.</summary>
public static class FileDigest
{
    private const int Piece = 1 << 20;

    public static string Of(string path) => Of(path, null, null, CancellationToken.None);

    /// <summary>Of so many bytes from the start.</summary>
    /// <exception cref="EndOfStreamException">The file is shorter.</exception>
    public static string OfStart(string path, long length) => Of(path, length, null, CancellationToken.None);

    public static string OfText(string text) => OfBytes(Encoding.UTF8.GetBytes(text));

    public static string OfBytes(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    internal static string Of(string path, long? length, HashMeter? meter, CancellationToken cancellationToken)
    {
        // Shared with everybody: .NET locks a file that isn't, and nobody should wait for us or fail by us.
        using var file =
            new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 0, FileOptions.SequentialScan);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(Piece);
        try
        {
            for (var left = length ?? long.MaxValue; left > 0;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var read = file.Read(buffer, 0, (int)Math.Min(left, Piece));
                if (read == 0)
                {
                    return length is null ? Convert.ToHexStringLower(hash.GetHashAndReset())
                        : throw new EndOfStreamException($"{path} ends {left} bytes early.");
                }
                hash.AppendData(buffer, 0, read);
                meter?.Add(read);
                left -= read;
            }
            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>One result for each item, over all cores, in order. What one throws is thrown, not a collection of it.</summary>
    internal static IReadOnlyList<TResult> Each<TItem, TResult>(IEnumerable<TItem> items, Func<TItem, TResult> work,
        CancellationToken cancellationToken)
    {
        try
        {
            return [.. items.AsParallel().AsOrdered().WithCancellation(cancellationToken).Select(work)];
        }
        catch (AggregateException all)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ExceptionDispatchInfo.Throw(all.Flatten().InnerExceptions.FirstOrDefault(error => error is not OperationCanceledException)
                ?? all);
            throw;
        }
    }
}

/// <summary>Bytes hashed so far, by any number of threads.</summary>
internal sealed class HashMeter(long total, IProgress<HashProgress>? progress)
{
    private long _bytes;

    public void Add(long bytes) => progress?.Report(new(Interlocked.Add(ref _bytes, bytes), total));
}
