using LoraAspire.Model.Generation;

namespace LoraAspire.Chat.Models;

/// <summary>A model that stays in memory until this is disposed; others may use it at the same time.</summary>
public sealed class ModelLease(LocalModel model, Action giveBack) : IDisposable
{
    private Action? _giveBack = giveBack;

    public LocalModel Model { get; } = model;

    public void Dispose() => Interlocked.Exchange(ref _giveBack, null)?.Invoke();
}
