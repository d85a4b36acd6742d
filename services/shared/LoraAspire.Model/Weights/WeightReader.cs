using System.Collections.Concurrent;
using LoraAspire.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Weights;

/// <summary>
/// Weights from files to where they are computed with, as numbers of any type. To a GPU several threads read pieces into pinned memory,
/// each into one of its two buffers while the device copies the other; on the CPU every core reads to where they stay.
/// </summary>
internal sealed class WeightReader(WeightFiles files, torch.Device device) : IDisposable
{
    private const int PieceBytes = 4 << 20;
    private const int MostThreads = 8;

    private readonly Lane?[] _lanes = new Lane?[Math.Clamp(Environment.ProcessorCount / 2, 1, MostThreads)];
    private readonly ConcurrentQueue<Piece> _pieces = new();

    private readonly record struct Piece(StoredNumbers Numbers, long First, int Count, ScalarType Type, nint To);

    /// <summary>A weight whose numbers are there after the next <see cref="Flush"/>; its caller's.</summary>
    /// <exception cref="ModelException">No such tensor, or of another shape.</exception>
    public Tensor Later(string name, long[] shape, ScalarType dtype)
    {
        if (files.Numbers(name, shape) is not { } numbers)
        {
            // Quantised, or in torch's own format not row after row: one after the other.
            return files.Read(name, shape, dtype, device).DetachFromDisposeScope();
        }
        var weight = empty(shape, dtype, device).DetachFromDisposeScope();
        try
        {
            Into(numbers, weight);
            return weight;
        }
        catch
        {
            weight.Dispose();
            throw;
        }
    }

    /// <summary>A weight, and all that were asked for later.</summary>
    /// <inheritdoc cref="Later" path="/exception"/>
    public Tensor Now(string name, long[] shape, ScalarType dtype) => Complete(Later(name, shape, dtype));

    /// <summary>A weight into a contiguous tensor, which has its numbers after the next <see cref="Flush"/>.</summary>
    /// <inheritdoc cref="Later" path="/exception"/>
    public void Into(string name, long[] shape, Tensor to)
    {
        if (files.Numbers(name, shape) is { } numbers)
        {
            Into(numbers, to);
            return;
        }
        using var read = files.Read(name, shape, to.dtype, device);
        to.copy_(read);
    }

    private void Into(StoredNumbers numbers, Tensor to)
    {
        var (address, type, size) = (Aten.Data(to), to.dtype, ElementTypes.Size(to.dtype));
        if (device.type == DeviceType.CPU)
        {
            numbers.Fill(address, type);
            return;
        }
        var most = PieceBytes / size;
        for (long first = 0; first < numbers.Count; first += most)
        {
            _pieces.Enqueue(new Piece(numbers, first, (int)Math.Min(most, numbers.Count - first), type, address + (nint)(first * size)));
        }
    }

    /// <summary>What was made with weights that were asked for, once they are there.</summary>
    /// <param name="made">Disposed when they can't be read.</param>
    public T Complete<T>(T made) where T : IDisposable
    {
        try
        {
            Flush();
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    /// <exception cref="ModelException">A file is shorter than it was.</exception>
    public void Flush()
    {
        if (_pieces.IsEmpty)
        {
            return;
        }
        cuda.synchronize(); // what libtorch still does with this memory comes first
        try
        {
            Task.WhenAll(Enumerable.Range(0, Math.Min(_lanes.Length, _pieces.Count))
                .Select(lane => Task.Factory.StartNew(() => Work(lane), TaskCreationOptions.LongRunning))).GetAwaiter().GetResult();
        }
        finally
        {
            _pieces.Clear(); // nobody wants the rest once one can't be read
        }
    }

    private void Work(int number)
    {
        CudaQueue.Enter();
        var lane = _lanes[number] ??= new Lane();
        try
        {
            for (var turn = 0; _pieces.TryDequeue(out var piece); turn ^= 1)
            {
                var (queue, memory) = lane[turn];
                queue.Wait();
                var bytes = piece.Count * ElementTypes.Size(piece.Type);
                piece.Numbers.Read(piece.First, piece.Type, memory.As<byte>()[..bytes]);
                queue.ToDevice(piece.To, memory.Address, bytes);
            }
        }
        catch
        {
            _pieces.Clear();
            throw;
        }
        finally
        {
            lane[0].Queue.Wait();
            lane[1].Queue.Wait();
        }
    }

    public void Dispose()
    {
        if (_lanes.Any(lane => lane is not null))
        {
            CudaQueue.Enter(); // another thread than those that made them
        }
        TensorGroup.DisposeAll(_lanes);
    }

    /// <summary>What one thread copies with, in turn.</summary>
    private sealed class Lane : IDisposable
    {
        private readonly (CudaQueue Queue, PinnedMemory Memory)[] _buffers =
            [(new CudaQueue(), new PinnedMemory(PieceBytes)), (new CudaQueue(), new PinnedMemory(PieceBytes))];

        public (CudaQueue Queue, PinnedMemory Memory) this[int turn] => _buffers[turn];

        public void Dispose() => TensorGroup.DisposeAll(_buffers.SelectMany(buffer => new IDisposable[] { buffer.Queue, buffer.Memory }));
    }
}
