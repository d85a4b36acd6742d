namespace LoraAspire.Machine;

/// <summary>
/// A program out of a Debian or Ubuntu package, with the libraries that this machine lacks, unpacked into a folder of the user's.
/// Nothing is installed and no root is needed: apt only resolves and downloads (and verifies signatures), dpkg only unpacks.
/// </summary>
/// <param name="package">Its name.</param>
/// <param name="executable">Where the program lies in it.</param>
/// <param name="companions">Packages that are unpacked too, installed or not.</param>
internal sealed class DebianPackage(string package, string executable, string[] companions)
{
    private string Root => Path.Combine(MachineProgram.CacheFolder(), package);

    /// <summary>The one that was unpacked earlier; null where none was.</summary>
    public MachineProgram? Unpacked() => Find(Root);

    /// <exception cref="MachineException">It cannot be had.</exception>
    public async Task<MachineProgram> UnpackAsync(Action<string> say, CancellationToken cancellationToken)
    {
        if (Unpacked() is { } earlier)
        {
            return earlier;
        }
        var root = Root;
        if (MachineProgram.OnPath("apt-get") is null || MachineProgram.OnPath("dpkg") is null)
        {
            throw new MachineException("This system has no apt-get, so the distribution's package could not be unpacked.");
        }
        say($"No {package} here: unpacking the distribution's package into {root}");
        var work = Directory.CreateDirectory(Path.Combine(MachineProgram.CacheFolder(), $"{package}.{Environment.ProcessId}")).FullName;
        try
        {
            var unpacked = await UnpackIntoAsync(work, cancellationToken);
            try
            {
                Directory.Move(unpacked, root);
            }
            catch (IOException) when (Directory.Exists(root))
            {
                // Another process was faster; its copy is as good.
            }
            return Find(root) ?? throw new MachineException($"{root} is incomplete: delete it.");
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private async Task<string> UnpackIntoAsync(string work, CancellationToken cancellationToken)
    {
        var apt = new Apt(work, cancellationToken);
        var names = await apt.MissingPackagesAsync([package, .. companions]);
        if (names.Count == 0)
        {
            // This user's lists may be empty or stale on a fresh machine: fetch our own, without root.
            await apt.UpdateAsync();
            names = await apt.MissingPackagesAsync([package, .. companions]);
        }
        var unpacked = Directory.CreateDirectory(Path.Combine(work, "root")).FullName;
        foreach (var file in names.Count == 0 ? [] : await apt.DownloadAsync(names))
        {
            await apt.UnpackAsync(file, unpacked);
        }
        return Find(unpacked) is null
            ? throw new MachineException($"The distribution's {package} package could not be unpacked ({apt.LastError?.Trim()}).")
            : unpacked;
    }

    private MachineProgram? Find(string root)
    {
        var file = Path.Combine(root, executable);
        if (!File.Exists(file))
        {
            return null;
        }
        var variables = new Dictionary<string, string>();
        var libraries = Directory.EnumerateFiles(root, "*.so*", SearchOption.AllDirectories).Select(Path.GetDirectoryName).Distinct();
        if (string.Join(':', libraries) is { Length: > 0 } path)
        {
            variables["LD_LIBRARY_PATH"] = path;
        }
        if (Directory.Exists(Path.Combine(root, "etc/fonts")) && !Directory.Exists("/etc/fonts"))
        {
            variables["FONTCONFIG_SYSROOT"] = root;
        }
        return new MachineProgram(file, variables);
    }
}
