using System.Diagnostics;

namespace LoraAspire.Hosting.Redis;

/// <summary>
/// A server out of a Debian or Ubuntu package, with the libraries that this machine lacks, unpacked into a folder of the user's.
/// Nothing is installed: apt only resolves and downloads (and verifies signatures), dpkg only unpacks.
/// </summary>
internal static class DebianPackage
{
    public static async Task<RedisBinary> UnpackAsync(string package, string cacheFolder, Action<string> say, CancellationToken cancellationToken)
    {
        var root = Path.Combine(cacheFolder, package);
        if (Find(root, package) is { } earlier)
        {
            return earlier;
        }
        say($"No {package} here: unpacking the distribution's package into {root}");
        var work = Directory.CreateDirectory(Path.Combine(cacheFolder, $"{package}.{Environment.ProcessId}")).FullName;
        try
        {
            var apt = new Apt(work, cancellationToken);
            var names = await apt.MissingPackagesAsync(package);
            if (names.Count == 0)
            {
                // This user's lists may be empty or stale on a fresh machine: fetch our own, without root.
                await apt.UpdateAsync();
                names = await apt.MissingPackagesAsync(package);
            }
            var files = names.Count == 0 ? [] : await apt.DownloadAsync(names);
            var unpacked = Directory.CreateDirectory(Path.Combine(work, "root")).FullName;
            foreach (var file in files)
            {
                await Apt.RunAsync(work, cancellationToken, "dpkg", "-x", file, unpacked);
            }
            if (Find(unpacked, package) is null)
            {
                throw Unavailable(package, apt.LastError);
            }
            try
            {
                Directory.Move(unpacked, root);
            }
            catch (IOException) when (Directory.Exists(root))
            {
                // Another process was faster; its copy is as good.
            }
            return Find(root, package) ?? throw Unavailable(package, $"{root} is incomplete: delete it.");
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    /// <summary>Debian keeps the executable in redis-tools, and redis-server is a link to it.</summary>
    private static string[] Companions(string package) => package == "redis-server" ? ["redis-tools"] : [];

    private static RedisBinary? Find(string root, string package)
    {
        var executable = Path.Combine(root, "usr/bin", package);
        if (!File.Exists(executable))
        {
            return null;
        }
        var libraries = Directory.EnumerateFiles(root, "*.so*", SearchOption.AllDirectories).Select(Path.GetDirectoryName).Distinct();
        return new RedisBinary(executable, string.Join(':', libraries) is { Length: > 0 } path ? path : null);
    }

    private static InvalidOperationException Unavailable(string package, string? detail) => new(
        $"No Redis: neither redis-server nor valkey-server is on the PATH, and the distribution's {package} package could not be unpacked"
        + (string.IsNullOrWhiteSpace(detail) ? "" : $" ({detail.Trim()})")
        + ". Install redis-server, or give a running one as ConnectionStrings__redis=host:port,password=... "
        + "(for example a container that you start yourself).");

    private sealed class Apt(string work, CancellationToken cancellationToken)
    {
        private string[] _lists = [];

        public string? LastError { get; private set; }

        /// <summary>The package and those of its dependencies that are not installed.</summary>
        public async Task<IReadOnlyList<string>> MissingPackagesAsync(string package)
        {
            var (code, output, error) = await RunAsync(work, cancellationToken, "apt-get", [.. _lists, "-s", "--no-install-recommends", "-o", "Debug::NoLocking=1", "--reinstall", "install", package, .. Companions(package)]);
            LastError = error;
            var names = output.Split('\n').Where(line => line.StartsWith("Inst ", StringComparison.Ordinal)).Select(line => line.Split(' ')[1]);
            return code == 0 ? [.. names] : [];
        }

        public async Task UpdateAsync()
        {
            var lists = Directory.CreateDirectory(Path.Combine(work, "lists/partial")).Parent!.FullName;
            var cache = Directory.CreateDirectory(Path.Combine(work, "cache/archives/partial")).Parent!.Parent!.FullName;
            _lists = ["-o", $"Dir::State::Lists={lists}", "-o", $"Dir::Cache={cache}", "-o", "APT::Sandbox::User="];
            // Hooks of the system's configuration may fail without root after the lists are there, so the exit code says little.
            var (_, _, error) = await RunAsync(work, cancellationToken, "apt-get", [.. _lists, "-q", "update"]);
            LastError = error;
        }

        public async Task<IReadOnlyList<string>> DownloadAsync(IReadOnlyList<string> names)
        {
            var (code, output, error) = await RunAsync(work, cancellationToken, "apt-get", [.. _lists, "-q", "-o", "APT::Sandbox::User=", "download", .. names]);
            if (code != 0 && _lists.Length == 0)
            {
                // Stale lists name files that the mirror no longer has.
                await UpdateAsync();
                return await DownloadAsync(names);
            }
            LastError = code == 0 ? null : error + output;
            return Directory.GetFiles(work, "*.deb");
        }

        public static async Task<(int Code, string Output, string Error)> RunAsync(string folder, CancellationToken cancellationToken, string command, params string[] arguments)
        {
            var start = new ProcessStartInfo(command, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
            start.Environment["LC_ALL"] = "C";
            Process process;
            try
            {
                process = Process.Start(start)!;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                return (127, "", $"this system has no {command}");
            }
            using (process)
            {
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
                return (process.ExitCode, await output, await error);
            }
        }
    }
}
