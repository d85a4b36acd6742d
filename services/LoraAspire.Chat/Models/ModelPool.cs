using LoraAspire.Model.Generation;
using LoraAspire.Model.Native;

namespace LoraAspire.Chat.Models;

/// <summary>Loaded models. Each is loaded when first asked for and used by one request at a time; the least recently used gives way.</summary>
public sealed class ModelPool(ILogger<ModelPool> logger) : IDisposable
{
    /// <summary>Models in memory together: two, so that two can be compared.</summary>
    private const int Resident = 2;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Slot> _slots = new(StringComparer.Ordinal);

    /// <summary>The model of a folder, for the caller alone until the lease is disposed.</summary>
    public async Task<ModelLease> RentAsync(string folder, CancellationToken cancellationToken)
    {
        Slot slot;
        lock (_lock)
        {
            slot = _slots.TryGetValue(folder, out var known) ? known : _slots[folder] = new Slot();
        }
        await slot.Turn.WaitAsync(cancellationToken);
        try
        {
            if (slot.Model is null)
            {
                UnloadOthers(slot);
                logger.LogInformation("Loading {Folder}", folder);
                slot.Model = await Task.Run(() => Load(folder), cancellationToken);
            }
            slot.LastUsed = Environment.TickCount64;
            return new ModelLease(slot.Model, slot.Turn);
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
        return LocalModel.Load(folder, LocalModel.BestDevice());
    }

    /// <summary>Makes room for one more. A model in use stays: the next request sees to it.</summary>
    private void UnloadOthers(Slot wanted)
    {
        lock (_lock)
        {
            foreach (var slot in _slots.Values.Where(slot => slot != wanted && slot.Model is not null).OrderByDescending(slot => slot.LastUsed).Skip(Resident - 1))
            {
                if (slot.Turn.Wait(0))
                {
                    slot.Model?.Dispose();
                    slot.Model = null;
                    slot.Turn.Release();
                }
            }
        }
    }

    public void Dispose()
    {
        foreach (var slot in _slots.Values)
        {
            slot.Model?.Dispose();
        }
    }

    private sealed class Slot
    {
        public SemaphoreSlim Turn { get; } = new(1);
        public LocalModel? Model { get; set; }
        public long LastUsed { get; set; }
    }
}

/// <summary>A model that is the holder's alone.</summary>
public sealed class ModelLease(LocalModel model, SemaphoreSlim turn) : IDisposable
{
    public LocalModel Model { get; } = model;

    public void Dispose() => turn.Release();
}
