using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Planning;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Coordinator;

/// <summary>
/// What follows a commit: log lines and figures, what each ordered stage is made from is kept for the next explanation, and the scratch of
/// a run that is over goes. What is committed stays so, whatever happens here.
/// </summary>
public sealed class Announcement(ArtifactStore store, ILogger log)
{
    public void Tell(Decision decision)
    {
        try
        {
            TellAll(decision);
        }
        catch (Exception error)
        {
            log.LogWarning(error, "Run {Run}: what follows a commit failed: {Error}", decision.State.Id, error.Message);
        }
    }

    private void TellAll(Decision decision)
    {
        foreach (var order in decision.Orders)
        {
            LastIdentity.Write(store, order, log);
        }
        foreach (var happened in decision.Events)
        {
            using var scope = log.BeginScope(new LogFields(happened.Run, (happened as StageEvent)?.Stage));
            if (RunLogLine.Of(happened) is { } line)
            {
                log.LogInformation("{Run} {Stage} {Text}", happened.Run, line.Stage ?? "", line.Text);
            }
            if (happened is RunFinished end)
            {
                RunMeter.Ended(end);
                RemoveScratch(end.Run);
            }
        }
    }

    private void RemoveScratch(string run)
    {
        try
        {
            if (Directory.Exists(store.RunScratch(run)))
            {
                Directory.Delete(store.RunScratch(run), recursive: true);
            }
        }
        catch (Exception error)
        {
            log.LogWarning("The scratch of run {Run} can't be removed: {Error}", run, error.Message);
        }
    }
}
