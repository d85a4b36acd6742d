namespace LoraAspire.Trainer.Training;

/// <summary>
/// Before step 1, on each device the largest micro-batch there will be, forward and backward. It changes no parameter and no random number
/// of the run.
/// </summary>
internal static class Preflight
{
    /// <exception cref="Runtime.Stages.StageException">Even the longest row alone does not fit; the message says what to
    /// change.</exception>
    public static void Run(TokenBudget budget, DeviceWork work, Action<string> say, CancellationToken cancellationToken)
    {
        var fits = budget.Run("Memory preflight", halvings: int.MaxValue, tokens =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            return work.Preflight(tokens, cancellationToken);
        });
        foreach (var (rank, (tokens, known)) in fits.Index())
        {
            // One that gets no row in any step has nothing to try.
            if (known is { } memory && tokens > 0)
            {
                say($"Memory preflight{(fits.Count > 1 ? $", device {rank}" : "")}: the largest micro-batch, {tokens} tokens, fits; "
                    + $"{Gib(memory.Peak)} of {Gib(memory.Total)} GiB {memory.Where} at the peak, {Gib(memory.Free)} left.");
            }
        }
    }

    private static string Gib(long bytes) => FormattableString.Invariant($"{bytes / (double)(1 << 30):0.0}");
}
