using System.Collections.Concurrent;
using LoraAspire.Lab.Languages;
using LoraAspire.Model.Data;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;
using Microsoft.AspNetCore.Components;
using StackExchange.Redis;

namespace LoraAspire.Lab.Live;

/// <summary>
/// A page that follows streams for as long as it is open. When a stream breaks the page says so (<see cref="Interruption"/>),
/// keeps what it shows, and connects again.
/// </summary>
public abstract class LivePage : ComponentBase, IAsyncDisposable
{
    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    /// <summary>Who follows a lost run anew, and for longer than <see cref="StreamSettings.Patience"/>, has found it.</summary>
    private static readonly TimeSpan Hopeful = 1.5 * new StreamSettings().Patience;

    /// <summary>The same of who found no connection: what is asked of Redis ends within five seconds.</summary>
    private static readonly TimeSpan Answered = TimeSpan.FromSeconds(6);

    private readonly CancellationTokenSource closed = new();
    private readonly List<Task> followers = [];
    private readonly ConcurrentDictionary<Func<CancellationToken, Task>, string> silent = [], lost = [];
    private volatile bool changed;

    /// <summary>Why what is shown may be old, in words; null while connected and while more may come.</summary>
    protected string? Interruption => silent.Values.FirstOrDefault() ?? lost.Values.FirstOrDefault();

    /// <summary>Taken once: what goes on after the page is closed may still ask.</summary>
    protected CancellationToken Closed { get; }

    protected LivePage() => Closed = closed.Token;

    /// <summary>
    /// Runs <paramref name="follow"/>, which reads its history again from the start, until the page closes or the stream ends by itself.
    /// </summary>
    /// <param name="source">What is followed, for the sentence shown when it breaks.</param>
    protected void Follow(string source, Func<CancellationToken, Task> follow)
    {
        if (followers.Count == 0)
        {
            followers.Add(DrawAsync());
        }
        followers.Add(FollowAsync(source, follow));
    }

    /// <summary>Asks for one more rendering; many changes within a frame are drawn once. Also says that the connection works.</summary>
    protected void Changed()
    {
        silent.Clear();
        Redraw();
    }

    /// <summary>Asks for one more rendering of what is known.</summary>
    protected void Redraw() => changed = true;

    private async Task FollowAsync(string source, Func<CancellationToken, Task> follow)
    {
        var pause = Frame;
        while (!Closed.IsCancellationRequested)
        {
            try
            {
                var following = follow(Closed);
                var isLost = lost.ContainsKey(follow);
                if (isLost || silent.ContainsKey(follow))
                {
                    // It may have nothing to tell when it is connected again.
                    await Task.WhenAny(following, Task.Delay(isLost ? Hopeful : Answered, Closed));
                    if (!following.IsFaulted && (silent.TryRemove(follow, out _) | lost.TryRemove(follow, out _)))
                    {
                        Redraw();
                    }
                }
                await following;
                return;
            }
            catch (RunLostException gone)
            {
                pause = LongestPause;
                silent.TryRemove(follow, out _);
                lost[follow] = VisibleText.Safe(gone.Message);
                Redraw();
            }
            catch (Exception broken) when (broken is RedisException or TimeoutException or HttpRequestException or IOException)
            {
                pause = silent.ContainsKey(follow) ? TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks)) : Frame;
                silent[follow] = Words.Of("{0} does not answer. What you see may be old; connecting again by itself.", source);
                Redraw();
            }
            catch (OperationCanceledException) when (Closed.IsCancellationRequested)
            {
                return;
            }
            await Task.Delay(pause, Closed)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    private async Task DrawAsync()
    {
        using var timer = new PeriodicTimer(Frame);
        try
        {
            while (await timer.WaitForNextTickAsync(Closed))
            {
                if (changed)
                {
                    changed = false;
                    await InvokeAsync(StateHasChanged);
                }
            }
        }
        catch (OperationCanceledException)
        {
            return;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await closed.CancelAsync();
        await Task.WhenAll(followers);
        closed.Dispose();
        GC.SuppressFinalize(this);
    }
}
