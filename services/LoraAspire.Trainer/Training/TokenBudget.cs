using LoraAspire.Runtime.Stages;

namespace LoraAspire.Trainer.Training;

/// <summary>Tokens of a micro-batch. Work that runs out of memory is run again with half of them.</summary>
/// <param name="longestRow">A row is never cut, so a budget below it changes nothing.</param>
/// <param name="say">Takes a line for people.</param>
internal sealed class TokenBudget(int tokens, int longestRow, Action<string> say)
{
    public int Tokens { get; private set; } = tokens;

    /// <param name="what">What ran out of memory, for people.</param>
    /// <param name="work">Gets the budget; must leave nothing behind when it fails.</param>
    /// <param name="halvings">How often it may be run again.</param>
    /// <exception cref="StageException">Still too much; the message says what to change.</exception>
    public T Run<T>(string what, int halvings, Func<int, T> work)
    {
        for (; ; halvings--)
        {
            try
            {
                return work(Tokens);
            }
            catch (Exception error) when (OutOfMemory.Is(error))
            {
                if (halvings == 0 || Tokens <= longestRow)
                {
                    throw new StageException(
                        $"{what}: out of memory with micro-batches of {Tokens} tokens (the longest row has {longestRow}). Set "
                            + $"low_memory: true, lower micro_batch_tokens or data-build's cutoff_len, or free the device of other "
                            + $"processes. ({FirstLine(error)})",
                        transient: true, error);
                }
                Tokens = Math.Max(longestRow, Tokens / 2);
                say($"{what}: out of memory; trying again with micro-batches of {Tokens} tokens. To start there next time, set "
                    + $"micro_batch_tokens: {Tokens}. ({FirstLine(error)})");
            }
        }
    }

    private static string FirstLine(Exception error) => error.Message.Split('\n')[0];
}
