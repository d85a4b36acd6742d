using LoraAspire.Model.Generation;

namespace LoraAspire.Chat.Models;

/// <summary>A place for a model, or for an adapter beside one: loaded once however many ask for it, with a count of its users.</summary>
internal sealed class LoadedModel(ModelSource source)
{
    private Task<LocalModel>? _loading;

    public ModelSource Source { get; } = source;
    public int Users { get; set; }
    public long LastUsed { get; set; }
    public ITimer? Idle { get; set; }

    /// <summary>Of an adapter: its base's place, which it uses while it is there.</summary>
    public LoadedModel? Base { get; init; }

    public bool IsLoaded => _loading is { IsCompletedSuccessfully: true };

    /// <summary>The model, which whoever comes first loads. A load that failed is forgotten: the next one tries again.</summary>
    public Task<LocalModel> Loading(Func<Task<LocalModel>> load) =>
        _loading is null or { IsFaulted: true } or { IsCanceled: true } ? _loading = load() : _loading;

    /// <summary>Takes the model out, for whoever disposes it; null where there is none.</summary>
    public LocalModel? Take()
    {
        var model = IsLoaded ? _loading!.Result : null;
        _loading = IsLoaded ? null : _loading;
        return model;
    }
}
