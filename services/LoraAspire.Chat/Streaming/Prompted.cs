namespace LoraAspire.Chat.Streaming;

/// <summary>
/// When the headers of a streamed answer go out: with its first piece, or as soon as nothing is likely to be wrong with the request, so
/// that what is wrong still gets its status and nobody waits for headers while a long prompt is read or others are served.
/// </summary>
public sealed class Prompted
{
    /// <summary>After the prompt was taken: a full queue tells so at once.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromMilliseconds(100);

    /// <summary>Though nothing is known: the model is being loaded. What goes wrong from here on is told in the stream.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(2);

    private readonly TaskCompletionSource<string?> _taken = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What is odd about how the model is asked; empty where nothing is, or it isn't known yet.</summary>
    public IReadOnlyList<string> Warnings => _taken.Task.IsCompletedSuccessfully && _taken.Task.Result is { } warning ? [warning] : [];

    public void Say(string? warning) => _taken.TrySetResult(warning);

    /// <summary>Ends when the headers should go out; never throws.</summary>
    public async Task HeadersAsync(Task first, TimeProvider clock)
    {
        using CancellationTokenSource ended = new();
        await Task.WhenAny(first, _taken.Task, Task.Delay(s_longest, clock, ended.Token));
        if (!first.IsCompleted && _taken.Task.IsCompleted)
        {
            await Task.WhenAny(first, Task.Delay(s_grace, clock, ended.Token));
        }
        await ended.CancelAsync();
    }
}
