namespace LoraAspire.Trainer.Training;

/// <summary>One writing at a time, beside the training. An error surfaces where the next one begins, or at the end.</summary>
internal sealed class BackgroundWriter : IDisposable
{
    private Task _last = Task.CompletedTask;

    /// <exception cref="IOException">The writing before this one failed.</exception>
    public void Begin(Action write)
    {
        Join();
        _last = Task.Run(write);
    }

    /// <summary>Waits for the last writing.</summary>
    /// <exception cref="IOException">It failed.</exception>
    public void Join() => _last.GetAwaiter().GetResult();

    /// <summary>Waits for the last writing, but no longer than this. False when it goes on.</summary>
    /// <exception cref="IOException">It failed.</exception>
    public bool TryJoin(TimeSpan within)
    {
        if (Task.WaitAny([_last], within) < 0)
        {
            return false;
        }
        Join();
        return true;
    }

    /// <summary>Waits too: nothing is written once a run is over. A failure no longer matters to a run that is given up.</summary>
    public void Dispose() => ((IAsyncResult)_last).AsyncWaitHandle.WaitOne();
}
