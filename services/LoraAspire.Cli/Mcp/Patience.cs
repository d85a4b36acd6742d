using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Runs;

namespace LoraAspire.Cli.Mcp;

/// <summary>Waiting that ends before an assistant gives up.</summary>
internal static class Patience
{
    /// <summary>Returns when this has happened in the run, when the run is over, or when the time is.</summary>
    public static async Task WaitAsync(RunClient runs, string run, Func<RunEvent, bool> until, TimeSpan most,
        CancellationToken cancellationToken)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(most);
        try
        {
            await foreach (var happened in runs.WatchAsync(run, late.Token))
            {
                if (until(happened))
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // How far it is by now is the answer.
        }
    }
}
