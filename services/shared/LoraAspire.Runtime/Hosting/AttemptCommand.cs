using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using LoraAspire.Pipelines.Stages;
using Microsoft.Extensions.Logging;

namespace LoraAspire.Runtime.Hosting;

/// <summary>
/// The process of one attempt: <c>attempt</c>, an order on standard input, what comes of it on standard output (<see cref="AttemptLine"/>).
/// The memory that the attempt took, on the GPU as well, and the faults of native code end with it. It ends itself when its worker is gone.
/// </summary>
internal abstract class AttemptCommand
{
    public const string Word = "attempt";

    public static bool IsAskedFor(IEnumerable<string> args) => args.Contains(Word);

    public abstract int Invoke();
}

internal sealed class AttemptCommand<TParams>(StageAttempt<TParams> attempt, AttemptPipe pipe, StageLibraries libraries,
    ILogger<AttemptCommand> log) : AttemptCommand
    where TParams : StageParams
{
    private readonly CancellationTokenSource _stop = new();

    public override int Invoke()
    {
        // A terminal's Ctrl-C reaches the whole group; that the order is kept is the worker's business.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, Stop);
        var input = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
        try
        {
            var task = AttemptTask.Read(input.ReadLine()
                ?? throw new EndOfStreamException("No order on standard input: this command is the worker's own."));
            new Thread(() => Watch(input)) { IsBackground = true, Name = "worker's word" }.Start();
            libraries.Load();
            pipe.End(new FinishedLine(attempt.Execute(task.Order, task.Worker, pipe, _stop.Token)));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            pipe.End(new StoppedLine());
        }
        catch (Exception error)
        {
            var (cause, words) = Failure.Of(error);
            log.LogError(error, "The attempt failed: {Words}", words);
            pipe.End(new FailedLine(cause, words));
        }
        return 0;
    }

    private void Stop(PosixSignalContext signal)
    {
        signal.Cancel = true;
        _stop.Cancel();
    }

    private void Watch(StreamReader input)
    {
        while (input.ReadLine() is not null)
        {
            _stop.Cancel();
        }
        // Without its worker nobody keeps the order: another may take it over, and what runs here must not be in its way. No handler runs,
        // as after a kill.
        Process.GetCurrentProcess().Kill();
    }
}

/// <summary>Native libraries of a stage, loaded only in the process that runs it: an idle worker stays small.</summary>
public sealed class StageLibraries(Action? load)
{
    /// <exception cref="Stages.StageException">They don't load; the message says why.</exception>
    public void Load()
    {
        try
        {
            load?.Invoke();
        }
        catch (Exception error)
        {
            throw new Stages.StageException(error.Message, inner: error);
        }
    }
}
