using LoraAspire.Model.Generation;
using LoraAspire.Model.Native;
using LoraAspire.Pipelines.Terminal;

namespace LoraAspire.Chat.Models;

/// <summary>
/// Loaded models. Each is loaded when first asked for and used by one request at a time; the least recently used gives way, and one that
/// nobody asked for some time is unloaded.
/// </summary>
public sealed class ModelPool(IdleTime idle, TimeProvider clock, ILogger<ModelPool> logger) : IDisposable
{
    /// <summary>Models in memory together: two, so that two can be compared.</summary>
    private const int Resident = 2;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Slot> _slots = new(StringComparer.Ordinal);

    /// <summary>The folders of the models that are in memory now.</summary>
    public IReadOnlyList<string> Loaded
    {
        get
        {
            lock (_lock)
            {
                return [.. _slots.Values.Where(slot => slot.Model is not null).Select(slot => slot.Folder)];
            }
        }
    }

    /// <summary>The model of a folder, for the caller alone until the lease is disposed.</summary>
    public async Task<ModelLease> RentAsync(string folder, CancellationToken cancellationToken)
    {
        Slot slot;
        lock (_lock)
        {
            slot = _slots.TryGetValue(folder, out var known) ? known : _slots[folder] = new Slot(folder);
        }
        await slot.Turn.WaitAsync(cancellationToken);
        try
        {
            if (slot.Model is null)
            {
                UnloadOthers(slot);
                logger.LogInformation("Loading {Folder}", folder);
                slot.Model = await Task.Run(() => Load(folder), cancellationToken);
                if (slot.Model.Warning is { } warning)
                {
                    logger.LogWarning("{Folder}: {Warning}", folder, warning);
                }
            }
            slot.LastUsed = clock.GetTimestamp();
            return new ModelLease(slot.Model, () => Return(slot));
        }
        catch
        {
            slot.Turn.Release();
            throw;
        }
    }

    /// <summary>libtorch comes into memory with the first model, not at the start of a service that may never be asked.</summary>
    private static LocalModel Load(string folder)
    {
        LibTorch.Load();
        return LocalModel.Load(folder, ComputeDevice.Of("auto"));
    }

    private void Return(Slot slot)
    {
        slot.LastUsed = clock.GetTimestamp();
        if (idle.Value is { } limit)
        {
            slot.Idle ??= clock.CreateTimer(_ => UnloadIdle(slot, limit), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            slot.Idle.Change(limit, Timeout.InfiniteTimeSpan);
        }
        slot.Turn.Release();
    }

    /// <summary>A request in progress keeps its model: when it is done, the time begins anew.</summary>
    private void UnloadIdle(Slot slot, TimeSpan limit)
    {
        if (!slot.Turn.Wait(0))
        {
            return;
        }
        if (slot.Model is not null && clock.GetElapsedTime(slot.LastUsed) >= limit)
        {
            Unload(slot);
            logger.LogInformation("Unloaded {Folder}: nobody asked for it for {Idle}", slot.Folder, Duration.Text(limit));
        }
        slot.Turn.Release();
    }

    /// <summary>Makes room for one more. A model in use stays: the next request sees to it.</summary>
    private void UnloadOthers(Slot wanted)
    {
        lock (_lock)
        {
            foreach (var slot in _slots.Values.Where(slot => slot != wanted && slot.Model is not null)
                .OrderByDescending(slot => slot.LastUsed).Skip(Resident - 1))
            {
                if (slot.Turn.Wait(0))
                {
                    Unload(slot);
                    slot.Turn.Release();
                }
            }
        }
    }

    private static void Unload(Slot slot)
    {
        slot.Model?.Dispose();
        slot.Model = null;
        FreedMemory.GiveBack();
    }

    public void Dispose()
    {
        foreach (var slot in _slots.Values)
        {
            slot.Idle?.Dispose();
            slot.Model?.Dispose();
        }
    }

    private sealed class Slot(string folder)
    {
        public string Folder { get; } = folder;
        public SemaphoreSlim Turn { get; } = new(1);
        public LocalModel? Model { get; set; }
        public long LastUsed { get; set; }
        public ITimer? Idle { get; set; }
    }
}

/// <summary>A model that is the holder's alone.</summary>
public sealed class ModelLease(LocalModel model, Action giveBack) : IDisposable
{
    public LocalModel Model { get; } = model;

    public void Dispose() => giveBack();
}
