using System.ComponentModel;
using System.Diagnostics;
using LoraAspire.Machine;

namespace LoraAspire.Cli.Doctor;

/// <summary>A program that tells something of itself and ends.</summary>
internal static class AskedProgram
{
    /// <summary>A machine at its limit takes seconds to start a program; what takes longer hangs.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <param name="Said">Its words, or why there are none.</param>
    internal sealed record Answer(bool Ok, string Said);

    public static async Task<Answer> RunAsync(MachineProgram program, IEnumerable<string> words, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = new(program.Path, words)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        program.ApplyTo(start);
        // An older build may not know the words, and would go to work.
        start.Environment.Remove(App.Connection);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(s_patience);
        try
        {
            using var process = Process.Start(start)!;
            using var stop = late.Token.Register(() => process.Kill(entireProcessTree: true));
            process.StandardInput.Close();
            var (said, trouble) = (process.StandardOutput.ReadToEndAsync(CancellationToken.None),
                process.StandardError.ReadToEndAsync(CancellationToken.None));
            await process.WaitForExitAsync(CancellationToken.None);
            cancellationToken.ThrowIfCancellationRequested();
            return late.IsCancellationRequested ? new(false, $"it didn't end within {s_patience.TotalSeconds:0} s")
                : process.ExitCode == 0 ? new(true, (await said).Trim())
                : new(false, $"it ended with {process.ExitCode}. {(await trouble).Trim()}".TrimEnd());
        }
        catch (Win32Exception error)
        {
            return new(false, error.Message);
        }
    }
}
