using System.Collections.Concurrent;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Lab.ListPages;

/// <summary>
/// The losses of every run's training, for all pages. Each file is read once, beside the pages, which show it when it is known.
/// </summary>
public sealed class LossBook(ArtifactStore store)
{
    private readonly ConcurrentDictionary<string, TrainingLosses> known = new();
    private int learning;

    /// <summary>Grows when there is something new to show.</summary>
    public int Known => known.Count;

    public TrainingLosses Of(RunState run) =>
        TrainingLosses.DigestOf(run) is { } digest ? known.GetValueOrDefault(digest, TrainingLosses.Unknown) : TrainingLosses.Unknown;

    /// <summary>Reads what isn't known yet, in the order of the list.</summary>
    public void Learn(IReadOnlyList<RunState> runs)
    {
        if (Interlocked.Exchange(ref learning, 1) == 1)
        {
            return;
        }
        _ = Task.Run(() =>
        {
            try
            {
                Read(runs.Select(TrainingLosses.DigestOf).OfType<string>().Distinct().Where(digest => !known.ContainsKey(digest)));
            }
            finally
            {
                Volatile.Write(ref learning, 0);
            }
        });
    }

    private void Read(IEnumerable<string> digests)
    {
        foreach (var digest in digests)
        {
            try
            {
                // What the store has lost it may get again.
                if (TrainingLosses.Read(digest, store) is var losses && losses != TrainingLosses.Unknown)
                {
                    known[digest] = losses;
                }
            }
            catch (Exception)
            {
                // Whatever is wrong with one file, the others are read; and it isn't tried again at each look.
                known[digest] = TrainingLosses.Unknown;
            }
        }
    }
}
