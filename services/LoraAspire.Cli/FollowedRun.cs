using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Runs;

namespace LoraAspire.Terminal;

/// <summary>A run in its view, from now to its end.</summary>
internal static class FollowedRun
{
    /// <returns>The run at its end; the view is closed, so that what came of it can stand below.</returns>
    /// <exception cref="RunLostException">It can't be followed to its end.</exception>
    public static async Task<RunState> ShowAsync(RunClient runs, string run, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var state = new RunState(run);
        await using var view = RunView.Start(run);
        var (points, waits) = (PointsAsync(), WaitWatch.RunAsync(runs, () => state, view.ShowWaits, over.Token));
        try
        {
            await foreach (var happened in runs.WatchAsync(run, cancellationToken))
            {
                state = state.Apply(happened);
                view.Show(state, happened);
            }
            await points;
        }
        finally
        {
            await over.CancelAsync();
            await waits;
        }
        return state;

        async Task PointsAsync()
        {
            await foreach (var (stage, progress, _) in runs.FollowProgressAsync(run, cancellationToken))
            {
                view.Show(stage, progress);
            }
        }
    }
}
