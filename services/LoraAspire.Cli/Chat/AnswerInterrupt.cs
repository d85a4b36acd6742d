using System.Runtime.InteropServices;

namespace LoraAspire.Cli.Chat;

/// <summary>Ctrl-C stops the answer that is being written. A line that is edited has it as a key; else it ends the program.</summary>
internal sealed class AnswerInterrupt : IDisposable
{
    private readonly PosixSignalRegistration _signal;
    private CancellationTokenSource? _answer;

    public AnswerInterrupt() => _signal = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = Stop());

    /// <returns>False where no answer is being written.</returns>
    public bool Stop()
    {
        var answer = Volatile.Read(ref _answer);
        answer?.Cancel();
        return answer is not null;
    }

    /// <returns>False where it was stopped.</returns>
    public async Task<bool> RunAsync(Func<CancellationToken, Task> answer)
    {
        // Not disposed: the signal may hold it still, and it has no timer.
        var stop = new CancellationTokenSource();
        Volatile.Write(ref _answer, stop);
        try
        {
            await answer(stop.Token);
            return true;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return false;
        }
        finally
        {
            Volatile.Write(ref _answer, null);
        }
    }

    public void Dispose() => _signal.Dispose();
}
