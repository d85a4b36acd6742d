using System.ComponentModel;
using System.Diagnostics;

namespace LoraAspire.Machine;

/// <summary>apt-get and dpkg as an ordinary user may call them: resolve, download, unpack.</summary>
/// <param name="work">A folder of our own that holds lists and downloads.</param>
internal sealed class Apt(string work, CancellationToken cancellationToken)
{
    private string[] _lists = [];

    public string? LastError { get; private set; }

    /// <summary>The packages and those of their dependencies that are not installed.</summary>
    public async Task<IReadOnlyList<string>> MissingPackagesAsync(IEnumerable<string> packages)
    {
        var (code, output) = await RunAsync("apt-get",
            [.. _lists, "-s", "--no-install-recommends", "-o", "Debug::NoLocking=1", "--reinstall", "install", .. packages]);
        var names = output.Split('\n').Where(line => line.StartsWith("Inst ", StringComparison.Ordinal)).Select(line => line.Split(' ')[1]);
        return code == 0 ? [.. names] : [];
    }

    public async Task UpdateAsync()
    {
        var lists = Directory.CreateDirectory(Path.Combine(work, "lists/partial")).Parent!.FullName;
        var cache = Directory.CreateDirectory(Path.Combine(work, "cache/archives/partial")).Parent!.Parent!.FullName;
        _lists = ["-o", $"Dir::State::Lists={lists}", "-o", $"Dir::Cache={cache}", "-o", "APT::Sandbox::User="];
        // Hooks of the system's configuration may fail without root after the lists are there, so the exit code says little.
        await RunAsync("apt-get", [.. _lists, "-q", "update"]);
    }

    public async Task<IReadOnlyList<string>> DownloadAsync(IReadOnlyList<string> names)
    {
        var (code, _) = await RunAsync("apt-get", [.. _lists, "-q", "-o", "APT::Sandbox::User=", "download", .. names]);
        if (code != 0 && _lists.Length == 0)
        {
            // Stale lists name files that the mirror no longer has.
            await UpdateAsync();
            return await DownloadAsync(names);
        }
        return Directory.GetFiles(work, "*.deb");
    }

    public Task UnpackAsync(string file, string folder) => RunAsync("dpkg", ["-x", file, folder]);

    private async Task<(int Code, string Output)> RunAsync(string command, string[] arguments)
    {
        var start = new ProcessStartInfo(command, arguments)
        {
            WorkingDirectory = work,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["LC_ALL"] = "C";
        using var process = Start(start);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var error = process.StandardError.ReadToEndAsync(cancellationToken);
        try
        {
            await process.WaitForExitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
        if (process.ExitCode != 0)
        {
            LastError = await error;
        }
        return (process.ExitCode, await output);
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception failure)
        {
            throw new MachineException($"{start.FileName} does not start: {failure.Message}", failure);
        }
    }
}
