using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using LoraAspire.Model.Devices;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Runtime.Hosting;

namespace LoraAspire.Trainer.Ranks;

/// <summary>
/// The process of one more device (<see cref="RankProcesses"/> starts it): a task on standard input, then its place in the ring. It ends
/// itself when the process that started it is gone, which the end of its standard input tells even after a kill.
/// </summary>
public static class RankSeat
{
    public const string Word = "rank";

    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <param name="compute">Gets the work's words and the ring.</param>
    /// <returns>The exit code.</returns>
    public static int Take(Action<string, Ring> compute)
    {
        // A terminal's Ctrl-C reaches the whole group: when to stop, rank 0 says.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Ignore);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Ignore);
        using var quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, Ignore);
        using var output = Console.OpenStandardOutput();
        Console.SetOut(Console.Error);
        void Say(string line) => output.Write(Encoding.UTF8.GetBytes($"\n{line}\n"));
        var input = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
        string Line() => input.ReadLine()
            ?? throw new EndOfStreamException("No task on standard input: this command is the trainer's own.");
        try
        {
            var task = RankTask.Read(Line());
            var (listener, port) = Ring.Listen();
            Say(RankWords.Listening + port.ToString(CultureInfo.InvariantCulture));
            int[] ports = [.. Line().Split(' ').Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
            new Thread(() => Watch(input)) { IsBackground = true, Name = "rank 0's word" }.Start();
            using var ring = Ring.Join(listener, ports, new(task.Rank, task.Count), Convert.FromBase64String(task.Token),
                new(Patience, Console.Error.WriteLine));
            compute(task.Work, ring);
            return 0;
        }
        catch (Exception error)
        {
            var (cause, words) = Failure.Of(error);
            Say(RankWords.Failed + JsonSerializer.Serialize(
                new RankFailure(words, cause == FailureCause.Transient, error is LostDeviceException)));
            return 1;
        }
    }

    /// <summary>How a program is started for a rank.</summary>
    /// <param name="assembly">Of its Main.</param>
    public static ProcessStartInfo Program(Assembly assembly)
    {
        var own = Path.ChangeExtension(assembly.Location, OperatingSystem.IsWindows() ? ".exe" : null);
        ProcessStartInfo start = File.Exists(own) ? new(own, [Word]) : new("dotnet", [assembly.Location, Word]);
        ComputeProcess.Prepare(start);
        return start;
    }

    private static void Ignore(PosixSignalContext signal) => signal.Cancel = true;

    private static void Watch(StreamReader input)
    {
        while (input.ReadLine() is not null)
        {
        }
        Process.GetCurrentProcess().Kill();
    }
}
