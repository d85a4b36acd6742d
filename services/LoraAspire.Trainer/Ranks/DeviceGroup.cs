using System.Runtime.ExceptionServices;
using LoraAspire.Model.Devices;
using LoraAspire.Runtime.Stages;
using LoraAspire.Trainer.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Ranks;

/// <summary>The devices that share a training, seen from one of them. Rank 0 leads: it says what is to be done, and all do it.</summary>
public sealed class DeviceGroup : IDisposable
{
    private readonly Ring? _ring;
    private readonly RankProcesses? _processes;
    private readonly int? _threadsBefore;

    private DeviceGroup()
    {
    }

    /// <param name="ring">Stays its maker's.</param>
    /// <param name="processes">Of rank 0; taken over.</param>
    /// <exception cref="StageException">Another device is gone; on rank 0.</exception>
    /// <exception cref="LostDeviceException">The same on the others.</exception>
    public DeviceGroup(Ring ring, torch.Device device, RankProcesses? processes = null)
    {
        (_ring, _processes) = (ring, processes);
        try
        {
            if (device.type == DeviceType.CPU)
            {
                // All processes together have the cores that one had.
                _threadsBefore = get_num_threads();
                set_num_threads(Math.Max(1, _threadsBefore.Value / ring.Share.Count));
            }
            Guard(() => Collective = device.type == DeviceType.CUDA ? new NcclCollective(ring) : new RingCollective(ring));
            processes?.OnBroken(Collective!.Abort);
        }
        catch
        {
            processes?.Dispose();
            throw;
        }
    }

    /// <summary>A device by itself.</summary>
    public static DeviceGroup Alone { get; } = new();

    public Share Share => _ring?.Share ?? Share.Whole;

    /// <summary>Null on a device by itself.</summary>
    public ICollective? Collective { get; private set; }

    /// <summary>On rank 0, cancelled when the process of another device has ended before its time.</summary>
    public CancellationToken Broken => _processes?.Broken ?? CancellationToken.None;

    /// <summary>What was computed with a device that is gone is worth nothing.</summary>
    /// <exception cref="StageException">One is.</exception>
    public void ThrowIfBroken()
    {
        if (Broken.IsCancellationRequested)
        {
            throw _processes!.Failure(seen: null);
        }
    }

    /// <summary>Nobody on this device waits for the others any more: that one of them ends needn't end this process.</summary>
    internal void Return() => _processes?.Return();

    /// <summary>Rank 0 says what comes next; the others have heard it by <see cref="Listen"/>.</summary>
    internal void Tell(Order order)
    {
        if (_ring is not null && Share.Rank == 0)
        {
            Guard(() => _ring.Broadcast(order));
        }
    }

    /// <summary>What rank 0 says.</summary>
    internal Order Listen()
    {
        Order order = default;
        Guard(() => order = _ring!.Broadcast(order));
        return order;
    }

    /// <summary>Work that leaves nothing behind when memory runs out: where it does on one device, all throw.</summary>
    public void Together(Action work)
    {
        ExceptionDispatchInfo? own = null;
        try
        {
            Guard(work); // a shared base is gathered within it
        }
        catch (Exception error) when (_ring is not null && OutOfMemory.Is(error))
        {
            own = ExceptionDispatchInfo.Capture(error);
        }
        var rank = Array.IndexOf(Gather([own is null ? (byte)0 : (byte)1]), (byte)1);
        own?.Throw();
        if (rank >= 0)
        {
            throw new OutOfMemoryException($"Device {rank} ran out of memory.");
        }
    }

    /// <summary>What every device says, in the order of their ranks.</summary>
    public T[] Gather<T>(T[] own) where T : unmanaged
    {
        var all = own;
        Guard(() => all = _ring?.Gather<T>(own) ?? own);
        return all;
    }

    /// <summary>Each value becomes the sum of every device's.</summary>
    public void Sum(Tensor values) => Guard(() => Collective?.Sum(values));

    /// <summary>The values become rank 0's.</summary>
    public void Broadcast(Tensor values) => Guard(() => Collective?.Broadcast(values));

    private void Guard(Action work)
    {
        try
        {
            work();
        }
        catch (IOException error) when (_ring is not null)
        {
            throw (Exception?)_processes?.Failure(error) ?? new LostDeviceException(error.Message, error);
        }
    }

    public void Dispose()
    {
        if (_threadsBefore is { } threads)
        {
            set_num_threads(threads);
        }
        _processes?.Dispose();
        Collective?.Dispose();
    }
}
