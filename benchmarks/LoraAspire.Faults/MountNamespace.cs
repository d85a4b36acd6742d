using System.Diagnostics;

namespace LoraAspire.Faults;

/// <summary>
/// A view of the file system in which small disks can be mounted, filled and made read-only, without a right that a user lacks, and which
/// goes with the process.
/// </summary>
internal static class MountNamespace
{
    private const string Variable = "LORA_FAULTS_NAMESPACE";

    public static bool IsEntered => Environment.GetEnvironmentVariable(Variable) is not null;

    /// <summary>
    /// Runs this program again inside. Where the system forbids that, the program runs as it is and leaves the cells of full and read-only
    /// disks out.
    /// </summary>
    public static async Task<int> EnterAsync(string[] args)
    {
        string[] own = [Environment.ProcessPath!, .. Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
            ? [Environment.GetCommandLineArgs()[0]] : Array.Empty<string>(), .. args];
        string[] enter = ["unshare", "--mount", .. Environment.IsPrivilegedProcess ? Array.Empty<string>() : ["--user", "--map-root-user"]];
        var allowed = await RunAsync([.. enter, "true"], "yes") == 0;
        return await RunAsync(allowed ? [.. enter, .. own] : own, allowed ? "yes" : "no");
    }

    private static async Task<int> RunAsync(string[] command, string value)
    {
        var start = new ProcessStartInfo(command[0], command[1..]);
        start.Environment[Variable] = value;
        try
        {
            using var process = Process.Start(start)!;
            await process.WaitForExitAsync();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return 1;
        }
    }

    public static bool HasDisks => Environment.GetEnvironmentVariable(Variable) == "yes";
}
