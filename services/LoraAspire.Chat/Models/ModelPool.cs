using LoraAspire.Model;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Native;
using LoraAspire.Pipelines.Terminal;

namespace LoraAspire.Chat.Models;

/// <summary>
/// Loaded models, each used by any number of requests at once. One is loaded when first asked for; when another needs its place, the least
/// recently used of those that nobody uses gives way, and one that nobody asked for some time is unloaded.
/// </summary>
public sealed class ModelPool(IdleTime idle, TimeProvider clock, ILogger<ModelPool> logger) : IDisposable
{
    /// <summary>Models in memory together: two, so that two can be compared. Adapters count apart, for they are small.</summary>
    private const int Models = 2, Adapters = 16;

    private readonly Lock _lock = new();
    private readonly Dictionary<ModelSource, LoadedModel> _places = [];

    /// <summary>The folders of the models and adapters that are in memory now.</summary>
    public IReadOnlyList<string> Loaded
    {
        get
        {
            lock (_lock)
            {
                return [.. _places.Values.Where(place => place.IsLoaded).Select(place => place.Source.Adapter ?? place.Source.Folder)];
            }
        }
    }

    /// <summary>A model, in memory until the lease is disposed.</summary>
    /// <exception cref="ModelException">It can't be loaded.</exception>
    public async Task<ModelLease> RentAsync(ModelSource source, CancellationToken cancellationToken)
    {
        LoadedModel place;
        Task<LocalModel> loading;
        lock (_lock)
        {
            place = PlaceOf(source);
            place.Users++;
            place.LastUsed = clock.GetTimestamp();
            loading = place.Loading(() => LoadAsync(place));
        }
        try
        {
            return new ModelLease(await loading.WaitAsync(cancellationToken), () => Return(place));
        }
        catch
        {
            Return(place);
            throw;
        }
    }

    /// <summary>Gives up what nobody will ask for any more, unless somebody uses it; its time will come then.</summary>
    public void Unload(ModelSource source)
    {
        LocalModel? model;
        lock (_lock)
        {
            model = _places.TryGetValue(source, out var place) && place.Users == 0 ? Take(place) : null;
        }
        Free([model]);
    }

    private LoadedModel PlaceOf(ModelSource source)
    {
        if (!_places.TryGetValue(source, out var place))
        {
            place = new(source) { Base = source.Adapter is null ? null : PlaceOf(source.Base) };
            _places.Add(source, place);
        }
        return place;
    }

    /// <summary>Under the lock up to the first wait.</summary>
    private async Task<LocalModel> LoadAsync(LoadedModel place)
    {
        var leaving = TakeOthers(place, keep: (place.Base is null ? Models : Adapters) - 1);
        if (place.Base is null)
        {
            return await Task.Run(() =>
            {
                Free(leaving);
                return LoadInRoom(place);
            });
        }
        var lease = await Task.Run(() =>
        {
            Free(leaving);
            return RentAsync(place.Source.Base, CancellationToken.None);
        });
        try
        {
            var model = await lease.Model.WithAdapterAsync(place.Source.Adapter!);
            LogLoaded(model, place.Source.Adapter!);
            return model;
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    /// <summary>On a GPU, the caches of those that nobody uses now may hold the memory that the next one needs.</summary>
    private LocalModel LoadInRoom(LoadedModel place)
    {
        try
        {
            return Load(place.Source);
        }
        catch (ModelException error) when (ComputeDevice.Of("auto").type == TorchSharp.DeviceType.CUDA)
        {
            List<LocalModel?> unused;
            lock (_lock)
            {
                unused = TakeOthers(place, keep: 0);
            }
            if (unused.Count == 0)
            {
                throw;
            }
            logger.LogInformation("{Problem} Unloading what nobody uses, and trying again", error.Message);
            Free(unused);
            return Load(place.Source);
        }
    }

    /// <summary>libtorch comes into memory with the first model, not at the start of a service that may never be asked.</summary>
    private LocalModel Load(ModelSource source)
    {
        logger.LogInformation("Loading {Folder}", source.Folder);
        LibTorch.Load();
        var model = LocalModel.Load(source.Folder, ComputeDevice.Of("auto"), weights: source.Weights);
        LogLoaded(model, source.Folder);
        return model;
    }

    private void LogLoaded(LocalModel model, string folder)
    {
        logger.LogInformation("Serving {Folder}: {Description}", folder, model.Description);
        if (model.Warning is { } warning)
        {
            logger.LogWarning("{Folder}: {Warning}", folder, warning);
        }
    }

    private void Return(LoadedModel place)
    {
        lock (_lock)
        {
            place.LastUsed = clock.GetTimestamp();
            if (--place.Users == 0 && idle.Value is { } limit)
            {
                place.Idle ??= clock.CreateTimer(_ => UnloadIdle(place, limit), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                place.Idle.Change(limit, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>A request in progress keeps its model: when it is done, the time begins anew.</summary>
    private void UnloadIdle(LoadedModel place, TimeSpan limit)
    {
        LocalModel? model;
        lock (_lock)
        {
            model = place.Users == 0 && clock.GetElapsedTime(place.LastUsed) >= limit ? Take(place) : null;
        }
        if (model is not null)
        {
            Free([model]);
            logger.LogInformation("Unloaded {Folder}: nobody asked for it for {Idle}", place.Source.Adapter ?? place.Source.Folder,
                Duration.Text(limit));
        }
    }

    /// <summary>Makes room for one more of its kind. One in use stays: the next load sees to it.</summary>
    private List<LocalModel?> TakeOthers(LoadedModel wanted, int keep) =>
        [.. _places.Values.Where(place => place != wanted && place.IsLoaded && place.Base is null == wanted.Base is null)
            .OrderByDescending(IsUsed).ThenByDescending(place => place.LastUsed).Skip(keep)
            .Where(place => !IsUsed(place)).ToList().SelectMany(place => Beside(place).ToList().Append(place)).Select(Take)];

    /// <summary>By a request, of its own or to an adapter beside it.</summary>
    private bool IsUsed(LoadedModel place) => place.Users > Beside(place).Count() || Beside(place).Any(adapter => adapter.Users > 0);

    private IEnumerable<LoadedModel> Beside(LoadedModel place) => _places.Values.Where(other => other.Base == place && other.IsLoaded);

    /// <summary>Takes an unused place's model out; of an adapter, its base is used once less.</summary>
    private LocalModel? Take(LoadedModel place)
    {
        var model = place.Take();
        if (model is not null && place.Base is { } @base)
        {
            Return(@base);
        }
        return model;
    }

    private static void Free(IReadOnlyList<LocalModel?> models)
    {
        if (models.OfType<LocalModel>().ToList() is { Count: > 0 } gone)
        {
            gone.ForEach(model => model.Dispose());
            FreedMemory.GiveBack();
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var place in _places.Values.OrderBy(place => place.Base is null))
            {
                place.Idle?.Dispose();
                place.Take()?.Dispose();
            }
        }
    }
}
