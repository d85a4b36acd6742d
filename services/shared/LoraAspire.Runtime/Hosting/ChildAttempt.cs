using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Terminal;
using LoraAspire.Runtime.Runs;
using Microsoft.Extensions.Logging;

namespace LoraAspire.Runtime.Hosting;

/// <summary>
/// An attempt in a process of its own: this same program with the command <c>attempt</c>. Its memory, on the GPU as well, and the faults of
/// native code end with it.
/// </summary>
public sealed class ChildAttempt(ILoggerFactory logs) : IAttempt
{
    /// <summary>So long it may take to notice that it shall stop, and then to save what it has.</summary>
    internal static readonly TimeSpan Notice = TimeSpan.FromSeconds(2);
    internal static readonly TimeSpan Saving = TimeSpan.FromSeconds(6);

    private readonly ILogger _log = logs.CreateLogger<ChildAttempt>();

    public async Task<IReadOnlyDictionary<string, string>> RunAsync(StageOrder order, string worker, string? gpus,
        IProgress<StageProgress> progress, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        using var process = Start(gpus);
        var attempt = new Running(process, order, progress, logs);
        try
        {
            await attempt.OrderAsync(new AttemptTask(order, worker));
            var reading = attempt.ReadAsync();
            await Task.WhenAny(reading, Stopped(stop));
            if (!reading.IsCompleted)
            {
                await StopAsync(attempt, reading);
            }
            await reading;
        }
        finally
        {
            // Whatever happened here, nothing goes on without us.
            Kill(process);
            await process.WaitForExitAsync(CancellationToken.None);
        }
        return attempt.Outcome switch
        {
            FinishedLine finished => finished.Outputs,
            FailedLine failed => throw new AttemptFailedException(failed.Cause, failed.Words),
            _ when stop.IsCancellationRequested => throw new OperationCanceledException(stop),
            StoppedLine => throw new AttemptDiedException("The process of this attempt was asked to end by somebody else than its worker."),
            _ => throw Death(process.ExitCode, attempt.LastWords),
        };
    }

    private static Exception Death(int exitCode, string lastWords)
    {
        var words = $"The process of this attempt {ProcessEnd.Of(exitCode)}.{lastWords}";
        return ProcessEnd.IsFromOutside(exitCode) ? new AttemptDiedException(words)
            : new AttemptFailedException(FailureCause.Transient, words);
    }

    private async Task StopAsync(Running attempt, Task reading)
    {
        await attempt.AskToStopAsync();
        await Task.WhenAny(reading, attempt.Saves, Task.Delay(Notice));
        if (!reading.IsCompleted && attempt.Saves.IsCompleted)
        {
            await Task.WhenAny(reading, Task.Delay(Saving));
        }
        if (!reading.IsCompleted)
        {
            _log.LogWarning("The process of this attempt doesn't end when asked to, and is killed");
            Kill(attempt.Process);
        }
    }

    private static async Task Stopped(CancellationToken stop) =>
        await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <exception cref="AttemptFailedException">The system starts no process.</exception>
    private static Process Start(string? gpus)
    {
        // Started by `dotnet NAME.dll`, or by its own name.
        var self = Environment.ProcessPath!;
        string[] arguments =
            [.. Environment.GetCommandLineArgs()[Path.GetFileNameWithoutExtension(self) == "dotnet" ? 0.. : 1..], AttemptCommand.Word];
        var start = new ProcessStartInfo(self, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(false),
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        ComputeProcess.Prepare(start);
        if (gpus is not null)
        {
            start.Environment[GpuClaims.Variable] = gpus;
        }
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw new AttemptFailedException(FailureCause.Transient, $"No process for this attempt: {error.Message}");
        }
    }

    private static void Kill(Process process)
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>The worker's end of the pipe.</summary>
    private sealed class Running(Process process, StageOrder order, IProgress<StageProgress> progress, ILoggerFactory logs)
    {
        private const int LastLines = 3;
        private static readonly TimeSpan Leaving = TimeSpan.FromSeconds(5);

        private readonly TaskCompletionSource _saves = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Queue<string> _errors = new();
        private readonly Activity? _span = Activity.Current;

        public Process Process => process;

        public AttemptLine? Outcome { get; private set; }

        /// <summary>Done when it says that it saves what it has.</summary>
        public Task Saves => _saves.Task;

        /// <summary>What it wrote to standard error at the end, fit for a message.</summary>
        public string LastWords => string.Concat(_errors.Select(line => $" | {Pipelines.Identifiers.Shown(line)}"));

        public Task OrderAsync(AttemptTask task) => SayAsync(task.ToText());

        public Task AskToStopAsync() => SayAsync("stop");

        /// <summary>To the last word and the end of the process.</summary>
        public async Task ReadAsync()
        {
            var (lines, errors, exit) = (ReadLinesAsync(), ReadErrorsAsync(), process.WaitForExitAsync());
            if (await Task.WhenAny(lines, exit) == exit)
            {
                // Its last words may still be in the pipe; who inherited it from a dead process may keep it open for ever.
                await Task.WhenAny(Task.WhenAll(lines, errors), Task.Delay(Leaving));
            }
            // What it computed with has to be torn down, which is nobody's concern if it fails.
            await Task.WhenAny(Task.WhenAll(exit, errors), Task.Delay(Leaving));
        }

        private async Task ReadLinesAsync()
        {
            while (Outcome is null && await process.StandardOutput.ReadLineAsync() is { } line)
            {
                Take(line);
            }
        }

        private void Take(string line)
        {
            switch (AttemptLine.Read(line))
            {
                case ProgressLine told:
                    if (told.Progress.Phase == StageProgress.Saving)
                    {
                        _saves.TrySetResult();
                    }
                    progress.Report(told.Progress);
                    break;
                case LoggedLine { Event: { } name, Fields: { } fields } said:
                    EventFields.Log(logs.CreateLogger(said.Category), said.Level, name, fields, TerminalText.Clean(said.Text));
                    break;
                case LoggedLine said:
                    logs.CreateLogger(said.Category).Log(said.Level, "{Text}", TerminalText.Clean(said.Text));
                    break;
                case SpanLine part:
                    RunTrace.Part(part.Name, order, _span, part.Start, part.End, part.Error);
                    break;
                case { } outcome:
                    Outcome = outcome;
                    break;
                case null when line.Length > 0:
                    logs.CreateLogger<ChildAttempt>().LogInformation("{Text}", TerminalText.Clean(line));
                    break;
            }
        }

        private async Task ReadErrorsAsync()
        {
            while (await process.StandardError.ReadLineAsync() is { } line)
            {
                if (line.Length > 0)
                {
                    _errors.Enqueue(line);
                    logs.CreateLogger<ChildAttempt>().LogWarning("{Text}", TerminalText.Clean(line));
                }
                if (_errors.Count > LastLines)
                {
                    _errors.Dequeue();
                }
            }
        }

        private async Task SayAsync(string line)
        {
            try
            {
                await process.StandardInput.WriteLineAsync(line);
                await process.StandardInput.FlushAsync();
            }
            catch (IOException)
            {
                // It has ended: how, its exit code says.
            }
        }
    }
}
