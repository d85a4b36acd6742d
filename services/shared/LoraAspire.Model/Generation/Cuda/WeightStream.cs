using System.Collections.Concurrent;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Model.Generation.Cuda;

/// <summary>A weight of a file and where it goes: bfloat16 on the device.</summary>
internal readonly record struct WeightPart(string Name, long[] Shape, Tensor To);

/// <summary>
/// Weights from files to the device. Several threads read pieces into pinned memory, each into one of its two buffers while the device
/// copies the other.
/// </summary>
internal static class WeightStream
{
    private const int PieceBytes = 8 << 20;
    private const int MostThreads = 8;

    private readonly record struct Piece(FileRange Range, string Path, long At, int Bytes, nint To);

    /// <exception cref="ModelException">A weight is missing or of another shape; a file is shorter than it was.</exception>
    public static void Copy(WeightFiles files, IReadOnlyList<WeightPart> parts)
    {
        var pieces = new ConcurrentQueue<Piece>();
        var others = new List<WeightPart>();
        foreach (var part in parts)
        {
            if (BitsAndBytes.Holds(files, part.Name))
            {
                others.Add(part);
                continue;
            }
            var (file, entry) = files.Find(part.Name, part.Shape);
            if (entry.Dtype != bfloat16 || file.Range(part.Name) is not { } range)
            {
                others.Add(part);
                continue;
            }
            var to = Aten.Data(part.To);
            for (long at = 0; at < range.Length; at += PieceBytes)
            {
                pieces.Enqueue(new Piece(range, file.Path, at, (int)Math.Min(PieceBytes, range.Length - at), to + (nint)at));
            }
        }
        cuda.synchronize(); // what libtorch still does with this memory comes first
        var threads = Math.Clamp(Environment.ProcessorCount / 2, 1, Math.Min(MostThreads, Math.Max(1, pieces.Count)));
        Task.WhenAll(Enumerable.Range(0, threads)
            .Select(_ => Task.Factory.StartNew(() => Work(pieces), TaskCreationOptions.LongRunning))).GetAwaiter().GetResult();
        foreach (var part in others)
        {
            // Another type, quantised, or torch's own format: one after the other.
            using var read = files.Read(part.Name, part.Shape, bfloat16, CUDA);
            part.To.copy_(read);
        }
        cuda.synchronize();
    }

    private static void Work(ConcurrentQueue<Piece> pieces)
    {
        using CudaQueue first = new(), second = new();
        using PinnedMemory one = new(PieceBytes), other = new(PieceBytes);
        (CudaQueue Queue, PinnedMemory Memory)[] buffers = [(first, one), (second, other)];
        try
        {
            for (var turn = 0; pieces.TryDequeue(out var piece); turn ^= 1)
            {
                var (queue, memory) = buffers[turn];
                queue.Wait();
                Read(piece, memory.As<byte>()[..piece.Bytes]);
                queue.ToDevice(piece.To, memory.Address, piece.Bytes);
            }
        }
        finally
        {
            first.Wait();
            second.Wait();
        }
    }

    private static void Read(Piece piece, Span<byte> room)
    {
        try
        {
            piece.Range.Read(room, piece.At);
        }
        catch (EndOfStreamException error)
        {
            throw new ModelException($"{piece.Path} became shorter while it was read.", error);
        }
    }
}
